/** Something that may take too long. */
export interface Expiring {
  /** When it has, on {@linkcode now}. */
  readonly dueAt: number;
  /** Ends it. */
  expire(): void;
}

/** Milliseconds on a clock that nobody sets. */
export const now: () => number = performance.now.bind(performance);

/** A timer may fire a little early. */
const EARLY_MS = 1;

/** Ends what takes too long. One timer serves all, for hardly any of them is ever needed. */
export class Deadlines {
  readonly #running = new Set<Expiring>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;

  /** Begins to watch; `ms` is what is left. */
  start(one: Expiring, ms: number): void {
    this.#running.add(one);
    if (one.dueAt < this.#wakeAt) this.#wakeAfter(ms, one.dueAt);
  }

  /** It came to an end by itself. */
  stop(one: Expiring): void {
    this.#running.delete(one);
    if (this.#running.size > 0) return;
    clearTimeout(this.#timer);
    this.#wakeAt = Number.POSITIVE_INFINITY;
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
    for (const one of this.#running) {
      if (one.dueAt <= time + EARLY_MS) one.expire();
      else next = Math.min(next, one.dueAt);
    }
    if (next < this.#wakeAt) this.#wakeAfter(next - time, next);
  }
}
