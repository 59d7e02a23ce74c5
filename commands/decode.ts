import { ContainerDecoder, toJson } from "../lib/avro/mod.ts";
import { defineCommand } from "../lib/cli/define.ts";
import { errorText, ExitCode, type Io, OutputFailed } from "../lib/cli/mod.ts";
import { path, say } from "../lib/cli/values.ts";
import { object } from "../lib/cli/word_groups.ts";
import { argument, multiple } from "../lib/cli/words.ts";
import { messageOf, NotFoundError } from "../lib/core/mod.ts";
import { printableJson } from "../lib/printable.ts";

/** `sunspool decode`. */
export const command = defineCommand({
  name: "decode",
  summary: "Print container files as NDJSON",
  description:
    "Prints the records of Avro object container files, one JSON object a line: files that the file " +
    "output made, or values of Kafka records. Times are Unix microseconds, as in the schema.",
  examples: [
    ["sunspool decode readings/*.avro", "everything in the files"],
    [
      "kcat -C -b broker:9092 -t sunspec.telemetry -c 1 -e -D '' | sunspool decode -",
      "a record of a topic",
    ],
  ],
  needs: { read: "always" },
  parser: object({
    files: multiple(
      argument(path({ metavar: "FILE" }), {
        description: say("Container files, - for standard input"),
      }),
      { min: 1 },
    ),
  }, {
    errors: { endOfInput: say("Missing FILE, as in: readings/*.avro, or - for standard input") },
  }),
  async run({ files }, io) {
    let failed = 0;
    for (const file of files) {
      try {
        await decodeFile(file, io);
      } catch (error) {
        if (files.length === 1 || error instanceof OutputFailed) throw error;
        io.err(errorText(error, false));
        failed++;
      }
    }
    if (failed === 0) return ExitCode.done;
    return failed === files.length ? ExitCode.failed : ExitCode.partly;
  },
});

async function decodeFile(file: string, io: Io): Promise<void> {
  const decoder = new ContainerDecoder();
  try {
    for await (const chunk of await openStream(file)) {
      for (const record of decoder.push(chunk)) {
        io.out(`${printableJson(JSON.stringify(record, toJson))}\n`);
      }
    }
  } catch (cause) {
    if (cause instanceof NotFoundError || cause instanceof OutputFailed) throw cause;
    throw new Error(`Cannot decode "${file}": ${messageOf(cause)}`, { cause });
  }
  if (decoder.hasHeader && decoder.pending === 0) return;
  const why = decoder.hasHeader
    ? `it ends in the middle of a block`
    : "it ends before its header does";
  throw new Error(`Cannot decode "${file}" to its end: ${why}`);
}

async function openStream(file: string): Promise<ReadableStream<Uint8Array>> {
  if (file === "-") return Deno.stdin.readable;
  try {
    return (await Deno.open(file)).readable;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new NotFoundError(`Cannot decode "${file}": no such file`, { cause });
    }
    throw cause;
  }
}
