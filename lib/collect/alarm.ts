/** Many are due at the same moment; letting so few go at once keeps the others' polls out of memory. */
const AT_ONCE = 16;
/** A timer may fire a little early. */
const EARLY_MS = 1;

/**
 * Wakes sleepers, all with one timer. Those that are due together are let go a few at a time, and
 * whatever came meanwhile is dealt with in between: the processor does one after the other anyway,
 * and what is under way at once is little.
 */
export class Alarm {
  /** The soonest first. */
  readonly #sleepers: Sleeper[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ringsAt = Number.POSITIVE_INFINITY;

  /** Sets the alarm for a sleeper. */
  add(sleeper: Sleeper): void {
    this.#sleepers.splice(this.#placeFor(sleeper), 0, sleeper);
    this.#set();
  }

  /** Behind all that wake no later. */
  #placeFor({ wakesAt }: Sleeper): number {
    let from = 0;
    let to = this.#sleepers.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#sleepers[middle]?.wakesAt ?? 0) <= wakesAt) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** The sleeper is awake already. */
  remove(sleeper: Sleeper): void {
    const at = this.#sleepers.indexOf(sleeper);
    if (at >= 0) this.#sleepers.splice(at, 1);
    this.#set();
  }

  #set(): void {
    const ringsAt = this.#sleepers[0]?.wakesAt ?? Number.POSITIVE_INFINITY;
    if (ringsAt >= this.#ringsAt && this.#sleepers.length > 0) return;
    clearTimeout(this.#timer);
    this.#ringsAt = ringsAt;
    if (this.#sleepers.length === 0) return;
    this.#timer = setTimeout(() => this.#ring(), Math.max(ringsAt - performance.now(), 0));
  }

  #ring(): void {
    const now = performance.now() + EARLY_MS;
    const ready = this.#sleepers.slice(0, AT_ONCE).filter(({ wakesAt }) => wakesAt <= now);
    this.#sleepers.splice(0, ready.length);
    for (const sleeper of ready) sleeper.wake();
    this.#ringsAt = Number.POSITIVE_INFINITY;
    if (ready.length < AT_ONCE) return this.#set();
    // A timer would let a millisecond go by, and the processor to sleep.
    this.#ringsAt = Number.NEGATIVE_INFINITY;
    setImmediate(() => this.#ring());
  }
}

/** Sleeps again and again, until a signal aborts. */
export class Sleeper implements Disposable {
  /** On the clock of `performance.now()`. */
  wakesAt: number = Number.POSITIVE_INFINITY;
  readonly #alarm: Alarm;
  readonly #signal: AbortSignal;
  #awake: (() => void) | undefined;
  #disturb: ((reason: unknown) => void) | undefined;

  /** Listens to the signal until it is disposed of. */
  constructor(alarm: Alarm, signal: AbortSignal) {
    this.#alarm = alarm;
    this.#signal = signal;
    signal.addEventListener("abort", this.#stop, { once: true });
  }

  /** Sleeps, or throws the signal's reason as soon as it aborts. */
  sleep(ms: number): Promise<void> {
    if (this.#signal.aborted) return Promise.reject(this.#signal.reason);
    this.wakesAt = performance.now() + ms;
    return new Promise((resolve, reject) => {
      this.#awake = resolve;
      this.#disturb = reject;
      this.#alarm.add(this);
    });
  }

  /** It is time. */
  wake(): void {
    this.#awake?.();
  }

  /** Listens no more. */
  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#stop);
    this.#alarm.remove(this);
  }

  readonly #stop = () => {
    this.#alarm.remove(this);
    this.#disturb?.(this.#signal.reason);
  };
}
