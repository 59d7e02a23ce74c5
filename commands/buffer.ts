import { defineCommand } from "../lib/cli/define.ts";
import { ExitCode, type Format, type Io, print } from "../lib/cli/mod.ts";
import { choice, path, say, string } from "../lib/cli/values.ts";
import { merge, object } from "../lib/cli/word_groups.ts";
import { argument, flag, option, optional } from "../lib/cli/words.ts";
import { eventEntry, openBuffer, requireFile } from "../lib/compose/buffer.ts";
import {
  type ExportChoice,
  exportContainer,
  exportedLines,
  type ExportSource,
  rowsOf,
  rowsOfDamaged,
} from "../lib/compose/buffer_export.ts";
import { figuresOf, inspectBuffer } from "../lib/compose/buffer_report.ts";
import { makeFile } from "../lib/compose/new_file.ts";
import { configOf, configOptions, formatOptions } from "../lib/compose/options.ts";
import { SalvagedFile, type SqliteBuffer } from "../lib/buffer/mod.ts";
import { UsageError } from "../lib/core/mod.ts";

const ACTIONS = ["inspect", "export", "requeue", "backup"] as const;

/** `sunspool buffer`. */
export const command = defineCommand({
  name: "buffer",
  summary: "Inspect, export or back up the buffer; put dead letters back",
  description:
    "inspect says what the buffer holds and whether it is sound; export prints what is still to be " +
    "delivered, or the dead letters, as NDJSON, or writes them to a container file; requeue puts dead " +
    "letters back, for the output that rejected them; backup copies the file. All of it is safe beside a " +
    "running collect.",
  examples: [
    ["sunspool buffer inspect --config sunspool.toml", "backlog, dead letters, sizes, integrity"],
    ["sunspool buffer export --dead-letters", "what was set aside, and why"],
    ["sunspool buffer export --output kafka --to backlog.avro", "what kafka has not got"],
    [
      "sunspool buffer requeue --reason message_too_large",
      "after the broker takes larger messages",
    ],
    [
      "sunspool buffer export buffer.sqlite.corrupt-2026-11-25T10-00-00-000Z",
      "what can still be read of it",
    ],
    ["sunspool buffer backup /mnt/usb/buffer.sqlite", "a copy that collect can go on from"],
  ],
  needs: { read: "always", write: "always", sys: "always" },
  parser: merge(
    object({
      action: argument(choice(ACTIONS, { metavar: "ACTION" }), {
        description: say("inspect, export, requeue or backup"),
        errors: { endOfInput: say(`Missing ACTION: ${ACTIONS.join(", ")}`) },
      }),
      file: optional(argument(path({ metavar: "FILE" }), {
        description: say("Where the backup goes; for export, a file that was set aside as corrupt"),
      })),
      output: optional(option("--output", "-o", string({ metavar: "NAME" }), {
        description: say("Only what this output has not got, or has rejected"),
      })),
      deadLetters: flag("--dead-letters", { description: say("Export the dead letters") }),
      reason: optional(option("--reason", string({ metavar: "REASON" }), {
        description: say("Only dead letters of this reason"),
      })),
      to: optional(option("--to", path({ metavar: "FILE" }), {
        description: say("Export to a container file, instead of NDJSON to standard output"),
      })),
      format: formatOptions,
    }),
    configOptions,
  ),
  async run({ action, file, format, to, output, reason, deadLetters, ...flags }, io) {
    if (action === "backup" && file === undefined) {
      throw new UsageError("Missing FILE, as in: sunspool buffer backup copy.sqlite");
    }
    if (action !== "backup" && action !== "export" && file !== undefined) {
      throw new UsageError(`buffer ${action} takes no FILE, but got "${file}"`);
    }
    if (action === "export" && (format === "csv" || format === "json")) {
      throw new UsageError(`export prints NDJSON, or writes a container --to FILE; not ${format}`);
    }
    const options = { output, reason, deadLetters };
    if (action === "export" && file !== undefined) return await salvage(file, options, to, io);
    await using buffer = openBuffer(configOf(flags, io), "maintain");
    if (action === "inspect") return await inspect(buffer, format, io);
    if (action === "export") return await exportRows(rowsOf(buffer), options, to, io);
    if (action === "requeue") return requeue(buffer, options, format, io);
    if (file !== undefined) await backup(buffer, file, io);
  },
});

async function inspect(buffer: SqliteBuffer, format: Format, io: Io): Promise<number> {
  const { document, isSound } = await inspectBuffer(buffer);
  print(io, format, { documents: [document], table: figuresOf(document), isSingle: true });
  return isSound ? ExitCode.done : ExitCode.failed;
}

async function salvage(
  path: string,
  options: ExportChoice,
  to: string | undefined,
  io: Io,
): Promise<number> {
  const { output, reason, deadLetters } = options;
  if (deadLetters || output !== undefined || reason !== undefined) {
    throw new UsageError("export FILE takes neither --output, --reason nor --dead-letters");
  }
  requireFile(path);
  using file = new SalvagedFile(path);
  await exportRows(rowsOfDamaged(file), options, to, io);
  const { sound, damaged, unreadable } = file.counts;
  io.err(`${sound} readings, ${damaged} more went bad, ${unreadable} positions cannot be read\n`);
  return damaged + unreadable > 0 ? ExitCode.partly : ExitCode.done;
}

async function exportRows(
  source: ExportSource,
  options: ExportChoice,
  to: string | undefined,
  io: Io,
): Promise<void> {
  if (to === undefined) {
    for await (const line of exportedLines(source, options)) io.out(line);
    return;
  }
  let count = 0;
  await makeFile(to, async (path) => {
    using target = await Deno.open(path, { write: true });
    count = await exportContainer(source, options, (bytes) => {
      for (let at = 0; at < bytes.length;) at += target.writeSync(bytes.subarray(at));
    });
  });
  io.err(`${count} records in "${to}"\n`);
}

function requeue(buffer: SqliteBuffer, options: ExportChoice, format: Format, io: Io): number {
  const facts = buffer.maintenance().requeue(
    options,
    (text) => eventEntry(buffer.collector, "requeued", text, null),
  );
  print(io, format, {
    documents: [{ ...facts }],
    table: figuresOf({ ...facts }),
    isSingle: true,
  });
  if (facts.left > 0) return ExitCode.tryLater;
  return facts.damaged + facts.unwanted > 0 ? ExitCode.partly : ExitCode.done;
}

async function backup(buffer: SqliteBuffer, file: string, io: Io): Promise<void> {
  const text = `this buffer was restored from a backup of ${new Date().toISOString()}: what was ` +
    "delivered since may come again under a new epoch, and what was stored since is not in it";
  await makeFile(file, (path) => {
    const event = eventEntry(buffer.collector, "restored", text, null);
    return buffer.maintenance().backup(path, event);
  });
  io.err(`copied to "${file}"\n`);
}
