import { delay } from "./backoff.ts";
import { type ClockState, readClockState } from "./clock_state.ts";

/** The clock was set, or is synchronised at last. */
export interface ClockChange {
  /** A word for programs. */
  readonly event: "clock_synced" | "clock_set";
  /** Seconds by which it was set since it was last right, or last looked at; negative = back. */
  readonly stepSeconds: number;
  /** Whether it is synchronised now. */
  readonly synced: ClockState;
}

/** How a clock is followed. */
export interface ClockOptions {
  /** Told when it was set or synchronised. */
  readonly changed?: (change: ClockChange) => void;
  /** Reads whether it is synchronised. */
  readonly read?: () => Promise<ClockState>;
}

/** How often the clock is looked at. */
const LOOK_MS = 5000;
/** Time services set a clock that is off by more; less they correct by its speed. */
const STEP_MS = 100;

/**
 * Follows the system's clock: whether it is synchronised, and by how much it is set. Looks at
 * intervals, so that asking costs nothing.
 */
export class Clock implements Disposable {
  readonly #options: ClockOptions;
  readonly #stop = new AbortController();
  #synced: ClockState = null;
  /** What the clock is ahead of the time that nobody sets, in milliseconds. */
  #ahead = ahead();
  /** The same when it was last right. */
  #aheadWhenRight = this.#ahead;

  private constructor(options: ClockOptions) {
    this.#options = options;
  }

  /** Looks at the clock, and again and again until it is disposed of. */
  static async start(options: ClockOptions = {}): Promise<Clock> {
    const clock = new Clock(options);
    await clock.#look();
    clock.#lookAgainAndAgain();
    return clock;
  }

  /** Whether it is synchronised. */
  get synced(): ClockState {
    return this.#synced;
  }

  /** Looks at it no more. */
  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #lookAgainAndAgain(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await delay(LOOK_MS, signal).then(() => this.#look()).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const { read = readClockState, changed } = this.#options;
    const before = this.#synced;
    this.#synced = await read();
    const now = ahead();
    const step = now - this.#ahead;
    this.#ahead = now;
    const isRightAtLast = before === false && this.#synced === true;
    const isSet = Math.abs(step) >= STEP_MS;
    const stepSeconds = (isRightAtLast ? now - this.#aheadWhenRight : step) / 1000;
    if (this.#synced !== false) this.#aheadWhenRight = now;
    if (!isRightAtLast && !isSet) return;
    const event = isRightAtLast ? "clock_synced" : "clock_set";
    changed?.({ event, stepSeconds, synced: this.#synced });
  }
}

function ahead(): number {
  return Date.now() - performance.now();
}
