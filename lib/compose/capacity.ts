/** Bytes a row takes beside its payload: columns, index entry, page fill. */
const ROW_OVERHEAD = 90;
/** No estimate before so much time has been seen. */
const LEAST_SECONDS = 3;

/** Estimates how long an outage the buffer holds, from what has been stored so far. */
export class Capacity {
  readonly #maxBytes: number;
  readonly #startedAt: number;
  #bytes = 0;

  /** @param now milliseconds on the clock of `performance.now()` */
  constructor(maxBytes: number, now: number) {
    this.#maxBytes = maxBytes;
    this.#startedAt = now;
  }

  /** Counts what was stored. */
  add(payloads: readonly { readonly payload: Uint8Array }[]): void {
    for (const { payload } of payloads) this.#bytes += payload.length + ROW_OVERHEAD;
  }

  /** Seconds of outage; undefined while nothing can be said. */
  seconds(now: number): number | undefined {
    const elapsed = (now - this.#startedAt) / 1000;
    if (this.#bytes === 0 || elapsed < LEAST_SECONDS) return undefined;
    return this.#maxBytes / (this.#bytes / elapsed);
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
