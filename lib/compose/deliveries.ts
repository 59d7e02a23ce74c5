import { deadline, waitAtMost } from "../backoff.ts";
import type { Drain } from "../collect/mod.ts";
import type { Vital } from "./vitals.ts";

/** A destination that does not answer is not waited for any longer when it is left. */
const CLOSE_MS = 1000;
/** What takes longer has hung: beyond any try of a delivery. */
const LIMIT_MS = 150_000;

/** The deliveries of a collector, one for each output. */
export class Deliveries implements AsyncDisposable {
  readonly #drains: readonly Drain[];
  readonly #lastStored = new AbortController();
  readonly #stopped = new AbortController();
  #running: readonly Promise<void>[] = [];

  /** Nothing is delivered before `run`. */
  constructor(drains: readonly Drain[]) {
    this.#drains = drains;
  }

  /** Those there are. */
  get drains(): readonly Drain[] {
    return this.#drains;
  }

  /** That each of them makes progress. */
  get vital(): Vital {
    const slowest = () => this.#drains.toSorted((a, b) => b.stuckMs - a.stuckMs)[0];
    return {
      get name() {
        return `the delivery to ${slowest()?.output.name}`;
      },
      limitMs: LIMIT_MS,
      busyMs: () => slowest()?.stuckMs ?? 0,
    };
  }

  /** Begins to deliver. */
  run(): void {
    this.#running = this.#drains.map((drain) =>
      drain.run(this.#lastStored.signal, this.#stopped.signal)
    );
  }

  /**
   * Delivers what is left: nothing more is stored.
   *
   * @param withinMs how long that may take
   * @param ending each of them ends it at once
   */
  async finish(withinMs: number, ...ending: readonly AbortSignal[]): Promise<void> {
    this.#lastStored.abort();
    using limit = deadline(withinMs, ...ending);
    // A second signal may have come while the devices were being stopped.
    if (limit.signal.aborted) this.#stopped.abort();
    limit.signal.addEventListener("abort", () => this.#stopped.abort(), { once: true });
    await Promise.all(this.#running);
  }

  /** Leaves all destinations. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using outputs = new AsyncDisposableStack();
    for (const { output } of this.#drains) {
      outputs.defer(() => waitAtMost(CLOSE_MS, output[Symbol.asyncDispose]()));
    }
  }
}
