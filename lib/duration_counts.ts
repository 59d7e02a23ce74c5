/** Upper ends of the buckets for the time a poll takes, in seconds. */
export const POLL_BUCKETS: readonly number[] = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
];

/** How long the polls of one device took, in plain numbers. */
export class DurationCounts {
  /** How many there were; those longer than any bucket too. */
  count = 0;
  /** All of them together, in seconds. */
  sum = 0;
  readonly #buckets: number[] = POLL_BUCKETS.map(() => 0);

  /** Counts one. */
  add(seconds: number): void {
    this.count++;
    this.sum += seconds;
    let bucket = 0;
    while (seconds > (POLL_BUCKETS[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    if (bucket < POLL_BUCKETS.length) this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }

  /** How many are in each bucket and in none before it, by its upper end. */
  get buckets(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#buckets.map((count, i) => [String(POLL_BUCKETS[i]), count]));
  }
}
