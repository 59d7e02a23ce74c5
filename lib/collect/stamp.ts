import type { Reading } from "../core/mod.ts";

/** Keeps `collectedAt` strictly increasing per device and source, even when the clock steps back. */
export class Stamper {
  readonly #last = new Map<string, number>();

  /** The reading, moved forward by the least that keeps the order. */
  stamp(reading: Reading): Reading {
    const { device, source, collectedAt } = reading;
    const key = `${device.id} ${source.name} ${source.instance}`;
    const last = this.#last.get(key) ?? Number.NEGATIVE_INFINITY;
    const at = Math.max(collectedAt, last + 1);
    this.#last.set(key, at);
    return at === collectedAt ? reading : { ...reading, collectedAt: at };
  }
}
