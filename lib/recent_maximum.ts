/** The largest value of late: it is remembered for one window at least, and for two at most. */
export class RecentMaximum {
  readonly #windowMs: number;
  #since = Number.NEGATIVE_INFINITY;
  #before = 0;
  #largest = 0;

  /** Nothing was large yet. */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /**
   * Takes a value, and gives the largest of late.
   *
   * @param now milliseconds on the clock of `performance.now()`
   */
  add(value: number, now: number): number {
    const windows = (now - this.#since) / this.#windowMs;
    if (windows >= 1) {
      this.#before = windows < 2 ? this.#largest : 0;
      this.#largest = 0;
      this.#since = now;
    }
    this.#largest = Math.max(this.#largest, value);
    return Math.max(this.#before, this.#largest);
  }
}
