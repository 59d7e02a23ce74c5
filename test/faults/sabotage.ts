import { SqliteBuffer } from "../../lib/buffer/mod.ts";
import { Drain, Stamper, Supervisor } from "../../lib/collect/mod.ts";
import { Calls } from "../../lib/compose/vitals.ts";
import type { Batch, Output, OutputType } from "../../lib/core/mod.ts";
import { outputs } from "../../lib/outputs/mod.ts";

/** How long a delivery that was promised too early really takes. */
const LATE_MS = 100;
/** First byte of a stored record of kind `gap`: the length of that word. */
const GAP = 6;

/** Ways to break the collector on purpose; the judge has to see each of them. */
const SABOTAGES = {
  /** Says that a batch is delivered before it is. */
  promise_early: () =>
    changeOutputs((output) => ({
      async deliver(batch, signal) {
        await Promise.resolve();
        setTimeout(() => output.deliver(batch, signal).catch(() => {}), LATE_MS);
        return [];
      },
    })),
  /** Takes a failed delivery for a good one. */
  swallow_errors: () =>
    changeOutputs((output) => ({
      deliver: (batch, signal) => output.deliver(batch, signal).catch(() => []),
    })),
  /** Takes readings for kept that the buffer could not keep. */
  believe_buffer() {
    const { append } = SqliteBuffer.prototype;
    Object.assign(SqliteBuffer.prototype, {
      append(this: SqliteBuffer, ...args: Parameters<typeof append>) {
        return append.apply(this, args).catch(() => {});
      },
    });
  },
  /** Leaves the records of gaps out. */
  hide_gaps: () =>
    changeOutputs((output) => ({
      deliver: (batch, signal) => output.deliver(withoutGaps(batch), signal),
    })),
  /** Takes the time of the clock as it is. */
  trust_clock: () =>
    void Object.assign(Stamper.prototype, { stamp: (reading: unknown) => reading }),
  /** Says that it makes progress, whether it does or not. */
  always_well() {
    const now = { get: () => performance.now() };
    Object.defineProperty(Supervisor.prototype, "checkedAt", now);
    Object.defineProperty(Calls.prototype, "busyMs", { get: () => 0 });
    Object.defineProperty(Drain.prototype, "stuckMs", { get: () => 0 });
  },
} as const satisfies Record<string, () => void>;

/** The name of a sabotage. */
export type Sabotage = keyof typeof SABOTAGES;

/** Breaks this process in the way that is named; none by any other name. */
export function sabotage(name: string | undefined): void {
  for (const [known, apply] of Object.entries(SABOTAGES)) if (known === name) apply();
}

function changeOutputs(change: (output: Output) => Partial<Output>): void {
  for (const type of outputs) {
    const create: OutputType["create"] = type.create;
    Object.assign(type, {
      create(...args: Parameters<OutputType["create"]>) {
        const output = create(...args);
        const { deliver } = output;
        const original: Output = Object.assign(Object.create(output), {
          deliver: deliver.bind(output),
        });
        return Object.assign(output, change(original));
      },
    });
  }
}

function withoutGaps(batch: Batch): Batch {
  const entries = batch.entries.filter(({ payload }) => payload[0] !== GAP);
  return { ...batch, entries };
}
