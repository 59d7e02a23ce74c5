import {
  ContainerDecoder,
  encodeBlock,
  encodeHeader,
  joinContainers,
  joinRecords,
  newSync,
  toJson,
} from "../avro/mod.ts";
import type { DeadLetter, DeadLetterFilter, SqliteBuffer } from "../buffer/mod.ts";
import type { Batch, Entry } from "../core/mod.ts";
import { printableJson } from "../printable.ts";

/** Rows that are decoded or written together. */
const CHUNK = 200;

/** What is to be exported. */
export interface ExportChoice extends DeadLetterFilter {
  /** What was set aside, instead of what is still to be delivered. */
  readonly deadLetters: boolean;
}

/** Entries of one epoch, one schema and one kind of trouble. */
interface Part {
  readonly epoch: number;
  readonly entry: Entry;
  readonly letter: DeadLetter | undefined;
}

/** The rows of a buffer as lines of JSON, in order. */
export async function* exportedLines(
  buffer: SqliteBuffer,
  choice: ExportChoice,
): AsyncGenerator<string> {
  for await (const { batch, letters } of batchesOf(buffer, choice)) {
    const decoded = decode(batch);
    for (const [i, record] of decoded.entries()) {
      const letter = letters[i];
      const line = letter ? { ...record, dead_letter: about(letter) } : record;
      yield `${printableJson(JSON.stringify(line, toJson))}\n`;
    }
  }
  if (!choice.deadLetters) return;
  for (const letter of buffer.maintenance().deadLetters(choice)) {
    if (letter.isSound) continue;
    const { epoch, position, entry } = letter;
    // Nobody knows what it said: its bytes are all there is.
    const bytes = entry.payload.toBase64();
    yield `${JSON.stringify({ epoch, position, bytes, dead_letter: about(letter) })}\n`;
  }
}

/**
 * The rows of a buffer as one container file; what went bad on disk is left out.
 *
 * @param write takes the next bytes of the file
 * @throws {Error} when they are of several schemas, which one file cannot hold
 */
export async function exportContainer(
  buffer: SqliteBuffer,
  choice: ExportChoice,
  write: (bytes: Uint8Array) => void,
): Promise<number> {
  const sync = newSync();
  let schema: string | undefined;
  let count = 0;
  for await (const { batch } of batchesOf(buffer, choice)) {
    const { schema: own = "" } = batch.entries[0] ?? {};
    if (schema === undefined) write(encodeHeader(batch.schemas.get(own) ?? "", "deflate", sync));
    else if (own !== schema) {
      throw new Error("the rows are of several schemas; export them as NDJSON, without --to");
    }
    schema = own;
    count += batch.entries.length;
    write(encodeBlock(batch.entries.length, joinRecords(batch, batch.entries), "deflate", sync));
  }
  return count;
}

function decode(batch: Batch) {
  return joinContainers(batch, batch.entries.length, "null").flatMap(({ bytes }) => [
    ...new ContainerDecoder().push(bytes),
  ]);
}

function about({ output, reason, rejectedAt }: DeadLetter) {
  return { output, reason, rejected_at: new Date(rejectedAt).toISOString() };
}

/** Sound rows in batches of one epoch and schema each. */
async function* batchesOf(buffer: SqliteBuffer, choice: ExportChoice) {
  const { collector } = buffer;
  let open: Part[] = [];
  const close = async () => {
    const [{ epoch = 0, entry: { schema = "", topic = "" } = {} } = {}] = open;
    const schemas = new Map([[schema, await buffer.schemaText(schema)]]);
    const entries = open.map(({ entry }) => entry);
    const letters = open.map(({ letter }) => letter);
    return { batch: { collector, epoch, topic, entries, schemas }, letters };
  };
  for (const part of await partsOf(buffer, choice)) {
    const [first = part] = open;
    const fits = first.epoch === part.epoch && first.entry.schema === part.entry.schema;
    if (!fits || open.length === CHUNK) {
      yield await close();
      open = [];
    }
    open.push(part);
  }
  if (open.length > 0) yield await close();
}

async function partsOf(buffer: SqliteBuffer, choice: ExportChoice): Promise<Iterable<Part>> {
  const maintenance = buffer.maintenance();
  if (choice.deadLetters) {
    return maintenance.deadLetters(choice).filter(({ isSound }) => isSound).map((letter) => ({
      epoch: letter.epoch,
      entry: { ...letter.entry, position: letter.position, topic: letter.topic },
      letter,
    }));
  }
  const { epoch } = await buffer.local("");
  return maintenance.backlog(choice.output).map((entry) => ({ epoch, entry, letter: undefined }));
}
