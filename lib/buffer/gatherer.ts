import type { NewEntry } from "../core/mod.ts";
import { Pace } from "./pace.ts";

interface Waiting {
  readonly entries: readonly NewEntry[];
  resolve(): void;
  reject(error: unknown): void;
}

/** Gathers what is appended within an interval: to hand it over piece by piece costs more than it. */
export class Gatherer {
  readonly #pace: Pace;
  readonly #store: (entries: readonly NewEntry[]) => Promise<void>;
  #waiting: Waiting[] = [];

  /** @param store commits entries; resolves when they are on disk */
  constructor(intervalMs: number, store: (entries: readonly NewEntry[]) => Promise<void>) {
    this.#pace = new Pace(intervalMs, () => this.flush());
    this.#store = store;
  }

  /** Takes entries; resolves when they are stored. */
  append(entries: readonly NewEntry[]): Promise<void> {
    if (entries.length === 0) return Promise.resolve();
    const stored = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ entries, resolve, reject });
    });
    this.#pace.arrived();
    return stored;
  }

  /** Stores what waits now. */
  flush(): void {
    this.#pace.done();
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#store(waiting.flatMap(({ entries }) => entries)).then(
      () => waiting.forEach(({ resolve }) => resolve()),
      (error) => waiting.forEach(({ reject }) => reject(error)),
    );
  }
}
