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
 * of many devices belong together. A poll that took too long costs the ticks it ran over. Whatever
 * the clock does, two ticks are at least half an interval apart, and no wait is longer than one and
 * a half.
 */
export class Schedule {
  readonly #options: ScheduleOptions;
  /** On the clock of `performance.now()`, which nobody sets. */
  #lastTick = Number.NEGATIVE_INFINITY;

  /** Nothing is due before the first `next`. */
  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** Milliseconds until the next tick. */
  next(): number {
    const { intervalMs, jitterMs, random, now } = this.#options;
    const elapsed = performance.now();
    const time = now();
    let wait = (Math.floor(time / intervalMs) + 1) * intervalMs - time;
    // A timer may fire a little early: that tick has been served.
    if (elapsed + wait < this.#lastTick + intervalMs / 2) wait += intervalMs;
    this.#lastTick = elapsed + wait;
    return wait + random() * jitterMs;
  }
}
