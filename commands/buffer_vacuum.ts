import { delay } from "../lib/backoff.ts";
import type { SqliteBuffer } from "../lib/buffer/mod.ts";
import { defineCommand } from "../lib/cli/define.ts";
import { ExitCode, print } from "../lib/cli/mod.ts";
import { millisecondsValue, say } from "../lib/cli/values.ts";
import { merge, object } from "../lib/cli/word_groups.ts";
import { option, withDefault } from "../lib/cli/words.ts";
import { readClockState } from "../lib/clock_state.ts";
import { configOf, configOptions, formatOptions } from "../lib/compose/options.ts";
import { openBuffer, retentionOf } from "../lib/compose/buffer.ts";
import type { Retention, TrimReport } from "../lib/core/mod.ts";

/** How long whoever collects may have to wait, and the time it then has for itself. */
const STEP_MS = 50;
const PAUSE_MS = 20;

/** `sunspool buffer-vacuum`. */
export const command = defineCommand({
  name: "buffer-vacuum",
  summary: "Trim the buffer by its retention, give the space back, report",
  description:
    "Drops what every output has, and what is older or more than the retention allows; the latter is " +
    "recorded as a gap and delivered as such. Then gives free space back to the file system. All of it " +
    "goes in small steps beside a running collect, and ends in time: what is left over (exit code 3) is " +
    "for the next run.",
  examples: [
    ["sunspool buffer-vacuum --config sunspool.toml", "once"],
    ["sunspool buffer-vacuum --set buffer.max_bytes=100MiB", "shrink to 100 MiB"],
  ],
  needs: { read: "always", write: "always", sys: "always" },
  parser: merge(
    object({
      maxTime: withDefault(
        option("--max-time", millisecondsValue, {
          description: say("How long it may take"),
        }),
        30_000,
      ),
      format: formatOptions,
    }),
    configOptions,
  ),
  async run({ maxTime, format, ...flags }, io) {
    const config = configOf(flags, io);
    await using buffer = openBuffer(config, "maintain");
    const report = await vacuum(
      buffer,
      maxTime,
      retentionOf(config, await readClockState(), STEP_MS),
    );
    const stats = await buffer.stats();
    const facts = {
      complete: report.isComplete,
      delivered_rows_dropped: report.delivered,
      undelivered_rows_dropped: report.dropped,
      freed_bytes: report.freedBytes,
      rows: stats.rows,
      bytes: stats.bytes,
      dead_letters: stats.deadLetters,
      backlog: stats.backlog,
    };
    const rows = Object.entries(facts).map(([name, value]) => [
      name,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]);
    print(io, format, {
      documents: [facts],
      table: { columns: ["figure", "value"], rows },
      isSingle: true,
    });
    return report.isComplete ? ExitCode.done : ExitCode.partly;
  },
});

/** Trims in steps, so that whoever collects never waits long. */
async function vacuum(
  buffer: SqliteBuffer,
  maxTime: number,
  retention: Retention,
): Promise<TrimReport> {
  const end = performance.now() + maxTime;
  const sum = { delivered: 0, dropped: 0, freedBytes: 0 };
  for (;;) {
    const step = await buffer.trim(retention);
    sum.delivered += step.delivered;
    sum.dropped += step.dropped;
    sum.freedBytes += step.freedBytes;
    if (step.isComplete || performance.now() > end) {
      buffer.maintenance().checkpoint();
      return { ...sum, isComplete: step.isComplete };
    }
    await delay(PAUSE_MS);
  }
}
