import type { Batch, LocalPosition, Output, Recovery, Rejection } from "../../lib/core/mod.ts";

/** Does something in place of the destination: throws, waits, or lets it take the batch. */
export type Step = (
  take: () => readonly Rejection[],
  signal: AbortSignal,
) => Promise<readonly Rejection[]>;

/** A destination in memory that fails as its script says, and writes down what is asked of it. */
export class MemoryOutput implements Output {
  readonly name = "memory";
  /** What it took, in order: epoch, position and text. */
  readonly taken: { readonly epoch: number; readonly position: number; readonly text: string }[] =
    [];
  readonly batches: Batch[] = [];
  readonly calls: string[] = [];
  /** What the next calls of `recover` give or throw; then nothing new. */
  recoveries: (Partial<Recovery> | Error)[] = [];
  /** What happens at the next deliveries; then all is well. */
  steps: Step[] = [];
  /** Positions it will never take. */
  rejects: readonly number[] = [];
  readonly locals: LocalPosition[] = [];

  recover(local: LocalPosition): Promise<Recovery> {
    this.calls.push("recover");
    this.locals.push(local);
    const next = this.recoveries.shift();
    if (next instanceof Error) return Promise.reject(next);
    return Promise.resolve({
      position: local.position,
      newEpoch: undefined,
      event: undefined,
      ...next,
    });
  }

  async deliver(batch: Batch, signal: AbortSignal): Promise<readonly Rejection[]> {
    signal.throwIfAborted();
    this.calls.push(`deliver ${span(batch)}`);
    const step = this.steps.shift();
    return step ? await step(() => this.#take(batch), signal) : this.#take(batch);
  }

  settle(position: number): Promise<void> {
    this.calls.push(`settle ${position}`);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** The texts that it took. */
  get texts(): string[] {
    return this.taken.map(({ text }) => text);
  }

  /** What was asked since the last time. */
  takeCalls(): string[] {
    return this.calls.splice(0);
  }

  #take(batch: Batch): readonly Rejection[] {
    this.batches.push(batch);
    const decoder = new TextDecoder();
    for (const { position, payload } of batch.entries) {
      if (this.rejects.includes(position)) continue;
      this.taken.push({ epoch: batch.epoch, position, text: decoder.decode(payload) });
    }
    return batch.entries.filter(({ position }) => this.rejects.includes(position))
      .map(({ position }) => ({ position, reason: "too large" }));
  }
}

function span({ entries }: Batch): string {
  const [first, last] = [entries[0]?.position, entries.at(-1)?.position];
  return first === last ? `${first}` : `${first}-${last}`;
}

/** The batch does not arrive. */
export function lost(error: Error): Step {
  return () => Promise.reject(error);
}

/** The batch arrives, but nobody hears of it. */
export function unheard(error: Error): Step {
  return (take) => {
    take();
    return Promise.reject(error);
  };
}

/** It hangs. */
export function stuck(): Step {
  return () => new Promise(() => {});
}
