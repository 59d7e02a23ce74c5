/** What comes first is not yet kept as small as the rest. */
const SETTLING_SECONDS = 3;
/** No estimate before so much time has been seen. */
const LEAST_SECONDS = 3;

interface Seen {
  /** Seconds. */
  readonly at: number;
  /** Bytes that were stored until then. */
  readonly stored: number;
}

/** Estimates how long an outage the buffer holds, from what has been stored so far. */
export class Capacity {
  readonly #maxBytes: number;
  readonly #startedAt: number;
  #first: Seen | undefined;

  /** @param now milliseconds on the clock of `performance.now()` */
  constructor(maxBytes: number, now: number) {
    this.#maxBytes = maxBytes;
    this.#startedAt = now / 1000;
  }

  /**
   * Seconds of outage; undefined while nothing can be said.
   *
   * @param stored bytes that were stored until now
   * @param now as in the constructor
   */
  seconds(stored: number, now: number): number | undefined {
    const at = now / 1000;
    if (at - this.#startedAt < SETTLING_SECONDS) return undefined;
    this.#first ??= { at, stored };
    const [elapsed, bytes] = [at - this.#first.at, stored - this.#first.stored];
    if (bytes === 0 || elapsed < LEAST_SECONDS) return undefined;
    return this.#maxBytes / (bytes / elapsed);
  }
}

/** A length of time for people: `13 days`, `5 hours`, `40 minutes`. */
export function humanTime(seconds: number): string {
  const units = [[86_400, "days"], [3600, "hours"], [60, "minutes"]] as const;
  for (const [size, name] of units) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${name}`;
  }
  return `${Math.floor(seconds)} seconds`;
}
