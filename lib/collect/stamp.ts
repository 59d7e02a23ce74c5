import type { Reading, SourceRef } from "../core/mod.ts";

/** What times are given by. */
export interface StamperOptions {
  /** Unix microseconds that all readings of earlier runs were given at most. */
  readonly after: number;
  /** Whether the clock is synchronised; null = not known. */
  readonly synced: () => boolean | null;
}

/** The time that the last reading of a source was given. */
interface Given {
  readonly source: string;
  readonly instance: number | null;
  /** Unix microseconds. */
  at: number;
  /** Of another source of the same device; what one has is few. */
  readonly next: Given | undefined;
}

/** Two readings within one millisecond are in order. */
const CLOCK_TICK_US = 1000;

/**
 * Keeps `collectedAt` strictly increasing per device and source, even when the clock steps back,
 * and says whether it is to be believed.
 *
 * One time stands for all devices of the runs before: it costs nothing to keep, and only after a
 * clock was set back between two runs does it move a reading by more than its own last one would.
 */
export class Stamper {
  readonly #options: StamperOptions;
  /** By device. */
  readonly #given = new Map<string, Given>();

  /** Every reading is later than `after`. */
  constructor(options: StamperOptions) {
    this.#options = options;
  }

  /** The reading, moved forward by the least that keeps the order. */
  stamp(reading: Reading): Reading {
    const { synced } = this.#options;
    const { device, source } = reading;
    const given = this.#givenTo(device.id, source);
    const last = given.at;
    const collectedAt = Math.max(reading.collectedAt, last + 1);
    given.at = collectedAt;
    // A clock that was set back is wrong now, or was before.
    const clockSynced = last - reading.collectedAt >= CLOCK_TICK_US ? false : synced();
    return { ...reading, collectedAt, clockSynced };
  }

  /** Without a key put together from all three: at each poll that costs more than to look. */
  #givenTo(device: string, { name, instance }: SourceRef): Given {
    const first = this.#given.get(device);
    for (let given = first; given; given = given.next) {
      if (given.source === name && given.instance === instance) return given;
    }
    const given = { source: name, instance, at: this.#options.after, next: first };
    this.#given.set(device, given);
    return given;
  }
}
