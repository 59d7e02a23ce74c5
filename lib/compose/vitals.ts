/** Something that has to come to an end, or to come round again, within a time. */
export interface Vital {
  /** For the log. */
  readonly name: string;
  /** What takes longer has hung. Far beyond what slow storage or a broker that is down can cost. */
  readonly limitMs: number;
  /** For how long it has been at the same thing. */
  busyMs(): number;
}

/** The first that has hung; undefined while all make progress. */
export function hungVital(vitals: readonly Vital[]): Vital | undefined {
  return vitals.find(({ limitMs, busyMs }) => busyMs() > limitMs);
}

/** A call that has not come back. */
export interface Call {
  /** Since when, on the clock of `performance.now()`. */
  readonly at: number;
}

/** Calls that have not come back. */
export class Calls {
  /** The oldest first; most come back in the order in which they began. */
  readonly #begun: Call[] = [];

  /** How long the oldest of them has been under way; 0 = there is none. */
  get busyMs(): number {
    const [oldest] = this.#begun;
    return oldest === undefined ? 0 : performance.now() - oldest.at;
  }

  /** Counts a call until it comes back. */
  async track<T>(call: Promise<T>): Promise<T> {
    const begun = this.begin();
    try {
      return await call;
    } finally {
      this.end(begun);
    }
  }

  /** Counts a call until {@linkcode end} is told that it has come back. */
  begin(): Call {
    const begun = { at: performance.now() };
    this.#begun.push(begun);
    return begun;
  }

  /** A call has come back. */
  end(begun: Call): void {
    this.#begun.splice(this.#begun.indexOf(begun), 1);
  }
}
