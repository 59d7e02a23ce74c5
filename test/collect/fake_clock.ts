/** What is replaced. */
const REAL = { setTimeout, clearTimeout, setImmediate, dateNow: Date.now };

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly run: () => void;
}

/**
 * The platform's time, moved by hand: timers, `performance.now()` and `Date.now()`. It stands still
 * but for `advance` and `until`, and whatever was due meanwhile runs in its order.
 */
export class FakeClock implements Disposable {
  #elapsed = 0;
  #timers: Timer[] = [];
  #lastId = 0;
  #wall: number;

  /** Begins at a time on the wall, Unix milliseconds. */
  constructor(wall = Date.UTC(2026, 10, 21)) {
    this.#wall = wall;
    Object.assign(globalThis, {
      setTimeout: (run: () => void, ms = 0) => this.#add(run, ms),
      setImmediate: (run: () => void) => this.#add(run, 0),
      clearTimeout: (id: number) => this.#timers = this.#timers.filter((timer) => timer.id !== id),
    });
    Object.assign(performance, { now: () => this.#elapsed });
    Object.assign(Date, { now: () => this.now() });
  }

  /** Unix milliseconds. */
  readonly now = (): number => this.#wall + this.#elapsed;

  /** Milliseconds since the beginning, whatever is done to the wall clock. */
  get elapsed(): number {
    return this.#elapsed;
  }

  /** How many timers are running. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Sets both, whatever timers are running. */
  set(wall: number, elapsed: number): void {
    this.#elapsed = elapsed;
    this.#wall = wall - elapsed;
  }

  /** Sets the wall clock forward or back. */
  step(ms: number): void {
    this.#wall += ms;
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(); next && next.at <= end; next = this.#next()) {
      await this.#fire(next);
    }
    this.#elapsed = end;
  }

  /** Lets time pass until a promise settles; gives what it gives. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const done = () => isSettled = true;
    promise.then(done, done);
    await settle();
    while (!isSettled) {
      const next = this.#next();
      if (!next) throw new Error("Cannot wait: no timer is running that could change anything");
      await this.#fire(next);
    }
    return await promise;
  }

  /** The platform's own time again. */
  [Symbol.dispose](): void {
    const { setTimeout, clearTimeout, setImmediate } = REAL;
    Object.assign(globalThis, { setTimeout, clearTimeout, setImmediate });
    Object.assign(Date, { now: REAL.dateNow });
    Reflect.deleteProperty(performance, "now");
  }

  #add(run: () => void, ms: number): number {
    const id = ++this.#lastId;
    this.#timers.push({ id, at: this.#elapsed + Math.max(ms, 0), run });
    return id;
  }

  #next(): Timer | undefined {
    return this.#timers.toSorted((a, b) => a.at - b.at || a.id - b.id)[0];
  }

  async #fire(timer: Timer): Promise<void> {
    this.#timers = this.#timers.filter(({ id }) => id !== timer.id);
    this.#elapsed = Math.max(this.#elapsed, timer.at);
    timer.run();
    await settle();
  }
}

/** Lets everything run that needs no time to pass. */
export function settle(): Promise<void> {
  return new Promise((resolve) => REAL.setTimeout(resolve, 0));
}
