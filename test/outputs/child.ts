/**
 * Drains a buffer to an output in a process of its own, twenty rows at a time, and says each
 * position that was delivered, one line each; then "empty".
 *
 *     child.ts OUTPUT BUFFER COLLECTOR TOPIC SETTINGS
 */
import { encodeReading, eventReading, SCHEMA_FINGERPRINT } from "../../lib/avro/mod.ts";
import { SqliteBuffer } from "../../lib/buffer/mod.ts";
import { Drain } from "../../lib/collect/mod.ts";
import type { Buffer, ReadLimit } from "../../lib/core/mod.ts";
import { outputs } from "../../lib/outputs/mod.ts";
import { bufferOptions } from "./delivery.ts";
import { lookup } from "./lookup.ts";

const [name, path = "", collector = "", topic = "", settings = "{}"] = Deno.args;
const type = outputs.find((output) => output.name === name);
if (!type) throw new Error(`Cannot drain to "${name}": no such output`);

function tell(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** A buffer that hands out few rows at a time, so that there are many deliveries. */
function inSmallBatches(buffer: SqliteBuffer): Buffer {
  return Object.assign(Object.create(buffer), {
    read: (output: string, limit: ReadLimit) => buffer.read(output, { ...limit, rows: 20 }),
    async commit(...args: Parameters<Buffer["commit"]>) {
      await buffer.commit(...args);
      tell(String(args[1]));
    },
    local: (output: string) => buffer.local(output),
    note: (output: string, text: string) => buffer.note(output, text),
    renewEpoch: () => buffer.renewEpoch(),
    schemaText: (fingerprint: string) => buffer.schemaText(fingerprint),
    append: (...args: Parameters<Buffer["append"]>) => buffer.append(...args),
  });
}

await using buffer = new SqliteBuffer({
  ...bufferOptions(path, collector, type.name),
  topic,
  role: "drain",
});
await using output = type.create(lookup(JSON.parse(settings)), {
  collector,
  batchSize: 7,
  note: (text) => buffer.note(type.name, text),
  log() {},
});
const drain = new Drain(output, inSmallBatches(buffer), { idleMs: 100 }, {
  encodeEvent: (event, text) => ({
    schema: SCHEMA_FINGERPRINT,
    payload: encodeReading(eventReading(collector, event, text, Date.now() * 1000)).payload,
    createdAt: Date.now(),
    clockSynced: null,
  }),
  observeReadings() {},
  observeBatch() {},
  observeFailure() {},
  log() {},
  random: Math.random,
});
await drain.finish(30_000, new AbortController().signal);
tell("empty");
