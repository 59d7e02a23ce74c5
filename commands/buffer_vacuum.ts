import { merge, object } from "@optique/core/constructs";
import { defineCommand } from "../lib/cli/define.ts";
import { print } from "../lib/cli/mod.ts";
import { readClockState } from "../lib/clock_state.ts";
import { configOf, configOptions, formatOptions } from "../lib/compose/options.ts";
import { openBuffer, retentionOf } from "../lib/compose/buffer.ts";

/** `sunspool buffer-vacuum`. */
export const command = defineCommand({
  name: "buffer-vacuum",
  summary: "Trim the buffer by its retention, give the space back, report",
  description:
    "Drops what every output has, and what is older or more than the retention allows; the latter is " +
    "recorded as a gap and delivered as such. Safe beside a running collect.",
  examples: [
    ["sunspool buffer-vacuum --config sunspool.toml", "once"],
    ["sunspool buffer-vacuum --set buffer.max_bytes=100MiB", "shrink to 100 MiB"],
  ],
  needs: { read: "always", write: "always", sys: "always" },
  parser: merge(object({ format: formatOptions }), configOptions),
  async run({ format, ...flags }, io) {
    const config = configOf(flags, io);
    await using buffer = openBuffer(config, "maintain");
    const report = await buffer.trim(retentionOf(config, await readClockState(), 30_000));
    const stats = await buffer.stats();
    const facts = {
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
      typeof value === "number" ? String(value) : JSON.stringify(value),
    ]);
    print(io, format, {
      documents: [facts],
      table: { columns: ["figure", "value"], rows },
      isSingle: true,
    });
  },
});
