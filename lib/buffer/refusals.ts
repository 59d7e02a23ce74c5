import type { NewEntry } from "../core/mod.ts";

/** New readings that were lost. */
export interface Refused {
  /** How many. */
  readonly count: number;
  /** When the first of them was collected, Unix microseconds. */
  readonly from: number;
  /** The last. */
  readonly to: number;
}

/** New readings that found no room, by reason, until that can be written down. */
export class Refusals implements Iterable<readonly [string, Refused]> {
  readonly #refused = new Map<string, Refused>();

  /** Whether all is written down. */
  get isEmpty(): boolean {
    return this.#refused.size === 0;
  }

  /** Counts readings that were lost. */
  add(entries: readonly NewEntry[], reason: string): void {
    const before = this.#refused.get(reason);
    const times = entries.map(({ createdAt }) => createdAt * 1000);
    this.#refused.set(reason, {
      count: (before?.count ?? 0) + entries.length,
      from: times.reduce((least, at) => Math.min(least, at), before?.from ?? Infinity),
      to: times.reduce((most, at) => Math.max(most, at), before?.to ?? 0),
    });
  }

  /** All is written down. */
  clear(): void {
    this.#refused.clear();
  }

  [Symbol.iterator](): Iterator<readonly [string, Refused]> {
    return this.#refused.entries();
  }
}
