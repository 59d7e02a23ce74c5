import type { Block } from "./map.ts";
import { type Learned, nothingLearned } from "./reader.ts";
import { Trust } from "./trust.ts";
import type { Chain } from "./walk.ts";

/** The models of a device and where their points lie. */
export interface DeviceMap {
  /** As it was walked. */
  readonly chain: Chain;
  /** In the order of the chain. */
  readonly blocks: readonly Block[];
}

/** Something that happened to the device at a place. */
export interface News {
  /** A word for programs. */
  readonly event: string;
  /** A sentence for people. */
  readonly message: string;
}

/** What is remembered of the device at one place from one opening to the next. */
export class Memory {
  #learned = nothingLearned();
  #trust = new Trust();
  #map: DeviceMap | undefined;
  #isMapDoubted = false;
  #id: string | undefined;
  readonly #news: News[] = [];

  /** What it has taught about reading it. */
  get learned(): Learned {
    return this.#learned;
  }

  /** What is believed of its values. */
  get trust(): Trust {
    return this.#trust;
  }

  /** Its map, unless a model was met where it should not be. */
  get map(): DeviceMap | undefined {
    return this.#isMapDoubted ? undefined : this.#map;
  }

  /** What stood somewhere does so no longer: it is to be walked again, whatever is at the ends. */
  doubtMap(): void {
    this.#isMapDoubted = true;
  }

  /** Takes a chain just walked: at other addresses, what was learned of the old ones is void. */
  takeChain(chain: Chain): void {
    this.#isMapDoubted = false;
    const before = this.#map?.chain;
    if (!before || JSON.stringify(before.models) === JSON.stringify(chain.models)) return;
    this.#learned = { ...nothingLearned(), maxRegisters: this.#learned.maxRegisters };
    this.#map = undefined;
    const [then, now] = [idsOf(before), idsOf(chain)];
    const message = then === now
      ? `the models ${now} have moved`
      : `the models were ${then}, now they are ${now}`;
    this.#news.push({ event: "models_changed", message });
  }

  /** Takes the map that was made of a chain. */
  takeMap(map: DeviceMap): void {
    this.#map = map;
  }

  /** Takes the id of the device that answered: another one has counters of its own. */
  takeId(id: string): void {
    if (this.#id !== undefined && this.#id !== id) {
      const message = `"${this.#id}" is gone, "${id}" is in its place`;
      this.#news.push({ event: "identity_changed", message });
      this.#trust = new Trust();
    }
    this.#id = id;
  }

  /** What happened since the last time this was asked. */
  takeNews(): readonly News[] {
    return this.#news.splice(0);
  }
}

function idsOf({ models }: Chain): string {
  return models.map(({ id }) => id).join(" ");
}
