import type { Reading } from "../core/mod.ts";

/** What times are given by. */
export interface StamperOptions {
  /** Unix microseconds that all readings of earlier runs were given at most. */
  readonly after: number;
  /** Whether the clock is synchronised; null = not known. */
  readonly synced: () => boolean | null;
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
  readonly #last = new Map<string, number>();

  /** Every reading is later than `after`. */
  constructor(options: StamperOptions) {
    this.#options = options;
  }

  /** The reading, moved forward by the least that keeps the order. */
  stamp(reading: Reading): Reading {
    const { after, synced } = this.#options;
    const { device, source } = reading;
    const key = `${device.id} ${source.name} ${source.instance}`;
    const last = this.#last.get(key) ?? after;
    const collectedAt = Math.max(reading.collectedAt, last + 1);
    this.#last.set(key, collectedAt);
    // A clock that was set back is wrong now, or was before.
    const clockSynced = last - reading.collectedAt >= CLOCK_TICK_US ? false : synced();
    return { ...reading, collectedAt, clockSynced };
  }
}
