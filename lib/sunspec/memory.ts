import { type DeviceIdentity, TransportError } from "../core/mod.ts";
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
  #identities: readonly DeviceIdentity[] | undefined;
  readonly #unread = new Set<string>();
  readonly #news: News[] = [];

  /** What it has taught about reading it. */
  get learned(): Learned {
    return this.#learned;
  }

  /** What is believed of its values. */
  get trust(): Trust {
    return this.#trust;
  }

  /** Its map, unless a model was met where it should not be, or nobody saw its end. */
  get map(): DeviceMap | undefined {
    return this.#isMapDoubted || isOpenEnd(this.#map?.chain.end) ? undefined : this.#map;
  }

  /** What stood somewhere does so no longer: it is to be walked again, whatever is at the ends. */
  doubtMap(): void {
    this.#isMapDoubted = true;
  }

  /**
   * Takes a chain just walked: at other addresses, what was learned of the old ones is void.
   *
   * @throws {TransportError} the device fell silent where it is known to have further models
   */
  takeChain(chain: Chain): void {
    const before = this.#map?.chain;
    if (before && isOpenEnd(chain.end) && isBeginning(chain, before)) {
      throw new TransportError(
        `Cannot find all models: after ${chain.models.length} of ${before.models.length} the ` +
          `device answered with ${chain.end}`,
        "timeout",
      );
    }
    this.#isMapDoubted = false;
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

  /** Who answered last: the device, then its children. */
  get identities(): readonly DeviceIdentity[] {
    return this.#identities ?? [];
  }

  /** Takes the device that answered and its children: others have counters of their own. */
  takeIdentities(identities: readonly DeviceIdentity[]): void {
    const before = this.#identities ?? identities;
    this.#identities = identities;
    for (const [i, { id }] of identities.entries()) {
      const gone = before[i]?.id;
      if (gone === id || gone === undefined) continue;
      const message = `"${gone}" is gone, "${id}" is in its place`;
      this.#news.push({ event: "identity_changed", message });
      this.#trust = new Trust();
    }
  }

  /** Whether some of the device is, or was at the last read, not to be had. */
  get mayBeUnread(): boolean {
    return this.#unread.size > 0 || this.#learned.unreadable.size > 0;
  }

  /** Takes which of the models asked for could not be read, each with the reason; tells what is new. */
  takeUnread(reasons: ReadonlyMap<string, string | undefined>): void {
    for (const [model, reason] of reasons) {
      const isKnown = this.#unread.has(model);
      if (isKnown === (reason !== undefined)) continue;
      if (reason === undefined) {
        this.#unread.delete(model);
        this.#news.push({ event: "readable", message: `${model} can be read again` });
      } else {
        this.#unread.add(model);
        this.#news.push({ event: "unreadable", message: `${model} cannot be read: ${reason}` });
      }
    }
  }

  /** What happened since the last time this was asked. */
  takeNews(): readonly News[] {
    return this.#news.splice(0);
  }
}

function idsOf({ models }: Chain): string {
  return models.map(({ id }) => id).join(" ");
}

/** Whether a chain ended with a failure that may pass: there may be more behind it. */
export function isOpenEnd(end: string | undefined): boolean {
  return end === "timeout" || /^exception_(?![123]$)/.test(end ?? "");
}

function isBeginning({ models }: Chain, { models: all }: Chain): boolean {
  const beginning = all.slice(0, models.length);
  return models.length < all.length && JSON.stringify(models) === JSON.stringify(beginning);
}
