/** When nothing has come for so long, those that belong together are there. */
const QUIET_MS = 20;

/**
 * Says when what waits is to be committed: an interval after the first of it came, at the latest.
 * Devices are polled at the same moment, and nothing comes until the next: so it is committed once
 * all are through, unless the last commit is not yet an interval ago. There are no more commits than
 * if everything waited to the end of its interval.
 */
export class Pace {
  readonly #intervalMs: number;
  readonly #commit: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firstAt = 0;
  #newestAt = 0;
  #committedAt = Number.NEGATIVE_INFINITY;

  /** @param commit commits what waits, and calls `done` */
  constructor(intervalMs: number, commit: () => void) {
    this.#intervalMs = intervalMs;
    this.#commit = commit;
  }

  /** Something more waits. */
  arrived(): void {
    this.#newestAt = performance.now();
    if (this.#timer !== undefined) return;
    this.#firstAt = this.#newestAt;
    this.#wait();
  }

  /** Nothing waits any more. */
  done(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#committedAt = performance.now();
  }

  /** Commits, or waits for what has come meanwhile. */
  #wait(): void {
    const quietAt = Math.max(this.#newestAt + QUIET_MS, this.#committedAt + this.#intervalMs);
    const left = Math.min(quietAt, this.#firstAt + this.#intervalMs) - performance.now();
    this.#timer = setTimeout(() => this.#look(), Math.max(left, 0));
  }

  #look(): void {
    const quietFor = performance.now() - this.#newestAt;
    const waitedFor = performance.now() - this.#firstAt;
    // A timer may fire a little early.
    if (quietFor >= QUIET_MS - 1 || waitedFor >= this.#intervalMs - 1) this.#commit();
    else this.#wait();
  }
}
