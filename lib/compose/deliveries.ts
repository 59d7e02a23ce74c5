import { aborted, deadline, waitAtMost } from "../backoff.ts";
import type { Drain } from "../collect/mod.ts";
import type { Vital } from "./vitals.ts";

/** A destination that does not answer is not waited for any longer when it is left. */
const CLOSE_MS = 1000;
/** The same for a batch that is under way; whether it was delivered is found out by who comes next. */
const LEAVE_MS = 10_000;
/** What takes longer has hung: beyond any try of a delivery. */
const LIMIT_MS = 150_000;

interface Delivery {
  readonly drain: Drain;
  readonly leave: AbortController;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** The deliveries of a collector, one for each output. */
export class Deliveries implements AsyncDisposable {
  readonly #lastStored = new AbortController();
  #all: readonly Delivery[] = [];

  /** Those there are. */
  get drains(): readonly Drain[] {
    return this.#all.map(({ drain }) => drain);
  }

  /** That each of them makes progress. */
  get vital(): Vital {
    const slowest = () => this.drains.toSorted((a, b) => b.stuckMs - a.stuckMs)[0];
    return {
      get name() {
        return `the delivery to ${slowest()?.output.name}`;
      },
      limitMs: LIMIT_MS,
      busyMs: () => slowest()?.stuckMs ?? 0,
    };
  }

  /** Begins to deliver. */
  add(drains: readonly Drain[]): void {
    const begun = drains.map((drain) => {
      const [leave, stop] = [new AbortController(), new AbortController()];
      const done = drain.run(this.#lastStored.signal, stop.signal, leave.signal);
      return { drain, leave, stop, done };
    });
    this.#all = [...this.#all, ...begun];
  }

  /**
   * Ends those to some outputs, each after the batch that it is at, and closes these outputs.
   *
   * @param stopping they are not waited for any longer
   * @returns whether all have ended
   */
  async remove(names: readonly string[], stopping: AbortSignal): Promise<boolean> {
    const leaving = this.#all.filter(({ drain }) => names.includes(drain.output.name));
    for (const { leave } of leaving) leave.abort();
    const ended = new AbortController();
    Promise.all(leaving.map(({ done }) => done)).then(() => ended.abort());
    using limit = deadline(LEAVE_MS, stopping);
    await aborted(ended.signal, limit.signal);
    for (const { stop } of leaving) stop.abort();
    // One that is still at it would undo what its successor does.
    await aborted(ended.signal, stopping);
    if (stopping.aborted) return false;
    this.#all = this.#all.filter((delivery) => !leaving.includes(delivery));
    await Promise.all(leaving.map(close));
    return true;
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
    const stop = () => {
      for (const { stop } of this.#all) stop.abort();
    };
    // A second signal may have come while the devices were being stopped.
    if (limit.signal.aborted) stop();
    limit.signal.addEventListener("abort", stop, { once: true });
    await Promise.all(this.#all.map(({ done }) => done));
  }

  /** Leaves all destinations. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map(close));
  }
}

async function close({ drain }: Delivery): Promise<void> {
  await waitAtMost(CLOSE_MS, drain.output[Symbol.asyncDispose]());
}
