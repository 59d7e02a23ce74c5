/** When polls are due. */
export interface ScheduleOptions {
  /** Time between two polls. */
  readonly intervalMs: number;
  /** Polls come up to this much later, by chance. */
  readonly jitterMs: number;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/**
 * Polls at the multiples of the interval on the clock, so that they never drift and the readings
 * of many devices belong together. A poll that took too long costs the ticks it ran over. No wait
 * is longer than two intervals, whatever the clock does.
 */
export class Schedule {
  readonly #options: ScheduleOptions;
  #lastTick = Number.NaN;

  /** Nothing is due before the first `next`. */
  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** Milliseconds until the next tick. */
  next(): number {
    const { intervalMs, jitterMs, random, now } = this.#options;
    const time = now();
    let tick = (Math.floor(time / intervalMs) + 1) * intervalMs;
    // A timer may fire a little early: that tick has been served.
    if (tick === this.#lastTick) tick += intervalMs;
    this.#lastTick = tick;
    return tick - time + random() * jitterMs;
  }
}
