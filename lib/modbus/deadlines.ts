/** Something that may take too long. */
export interface Expiring {
  /** When it has, on {@linkcode now}; Infinity = nothing is under way. */
  readonly dueAt: number;
  /** Ends it. */
  expire(): void;
}

/** Milliseconds on a clock that nobody sets. */
export const now: () => number = performance.now.bind(performance);

/** A timer may fire a little early. */
const EARLY_MS = 1;

/**
 * Ends what takes too long. One timer serves all, for hardly any of them is ever needed.
 *
 * Who was watched once stays in the set: of one that shrinks and grows with each burst, V8 keeps
 * every table that it ever had until the next full collection.
 */
export class Deadlines {
  readonly #watched = new Set<Expiring>();
  #running = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;

  /** Begins to watch; `ms` is what is left. */
  start(one: Expiring, ms: number): void {
    this.#watched.add(one);
    this.#running++;
    if (one.dueAt < this.#wakeAt) this.#wakeAfter(ms, one.dueAt);
  }

  /** One of them came to an end; nothing is under way there. */
  stop(): void {
    this.#running--;
    if (this.#running > 0) return;
    clearTimeout(this.#timer);
    this.#wakeAt = Number.POSITIVE_INFINITY;
  }

  /** It begins nothing any more. */
  forget(one: Expiring): void {
    this.#watched.delete(one);
  }

  #wakeAfter(ms: number, at: number): void {
    clearTimeout(this.#timer);
    this.#wakeAt = at;
    this.#timer = setTimeout(() => this.#wake(), ms);
  }

  #wake(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const time = now();
    let next = Number.POSITIVE_INFINITY;
    for (const one of this.#watched) {
      if (one.dueAt <= time + EARLY_MS) one.expire();
      else next = Math.min(next, one.dueAt);
    }
    if (next < this.#wakeAt) this.#wakeAfter(next - time, next);
  }
}
