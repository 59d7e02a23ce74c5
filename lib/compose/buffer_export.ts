import {
  ContainerDecoder,
  encodeBlock,
  encodeHeader,
  joinContainers,
  joinRecords,
  newSync,
  SCHEMA_FINGERPRINT,
  SCHEMA_TEXT,
  toJson,
} from "../avro/mod.ts";
import type {
  DeadLetter,
  DeadLetterFilter,
  LogRow,
  SalvagedFile,
  SqliteBuffer,
} from "../buffer/mod.ts";
import type { Batch, Entry } from "../core/mod.ts";
import { printableJson } from "../printable.ts";

/** Rows that are decoded or written together. */
const CHUNK = 200;

/** What is to be exported. */
export interface ExportChoice extends DeadLetterFilter {
  /** What was set aside, instead of what is still to be delivered. */
  readonly deadLetters: boolean;
}

/** What rows are exported from. */
export interface ExportSource {
  /** Whose they are. */
  readonly collector: string;
  /** The text of a schema. */
  schemaText(fingerprint: string): Promise<string>;
  /** What the positions in the log are unique within. */
  epoch(): Promise<number>;
  /** The sound rows that an output has not got; that some output has not, when left out. */
  backlog(output: string | undefined): Iterable<LogRow>;
  /** What was set aside. */
  deadLetters(filter: DeadLetterFilter): Iterable<DeadLetter>;
}

/** The rows of a buffer that is in use. */
export function rowsOf(buffer: SqliteBuffer): ExportSource {
  const maintenance = buffer.maintenance();
  return {
    collector: buffer.collector,
    schemaText: (fingerprint) => buffer.schemaText(fingerprint),
    epoch: async () => (await buffer.local("")).epoch,
    backlog: (output) => maintenance.backlog(output),
    deadLetters: (filter) => maintenance.deadLetters(filter),
  };
}

/** The rows of a file that was set aside. */
export function rowsOfDamaged(file: SalvagedFile): ExportSource {
  return {
    collector: file.collector,
    // What is known needs not be read.
    schemaText: (fingerprint) =>
      Promise.resolve(
        fingerprint === SCHEMA_FINGERPRINT ? SCHEMA_TEXT : file.schemaText(fingerprint),
      ),
    epoch: () => Promise.resolve(file.epoch),
    backlog: () => file.rows(),
    deadLetters: () => [],
  };
}

/** Entries of one epoch, one schema and one kind of trouble. */
interface Part {
  readonly epoch: number;
  readonly entry: Entry;
  readonly letter: DeadLetter | undefined;
}

/** The rows as lines of JSON, in order. */
export async function* exportedLines(
  source: ExportSource,
  choice: ExportChoice,
): AsyncGenerator<string> {
  for await (const { batch, letters } of batchesOf(source, choice)) {
    const decoded = decode(batch);
    for (const [i, record] of decoded.entries()) {
      const letter = letters[i];
      const line = letter ? { ...record, dead_letter: about(letter) } : record;
      yield `${printableJson(JSON.stringify(line, toJson))}\n`;
    }
  }
  if (!choice.deadLetters) return;
  for (const letter of source.deadLetters(choice)) {
    if (letter.isSound) continue;
    const { epoch, position, entry } = letter;
    // Nobody knows what it said: its bytes are all there is.
    const bytes = entry.payload.toBase64();
    yield `${JSON.stringify({ epoch, position, bytes, dead_letter: about(letter) })}\n`;
  }
}

/**
 * The rows as one container file; what went bad on disk is left out.
 *
 * @param write takes the next bytes of the file
 * @throws {Error} when they are of several schemas, which one file cannot hold
 */
export async function exportContainer(
  source: ExportSource,
  choice: ExportChoice,
  write: (bytes: Uint8Array) => void,
): Promise<number> {
  const sync = newSync();
  let schema: string | undefined;
  let count = 0;
  for await (const { batch } of batchesOf(source, choice)) {
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
async function* batchesOf(source: ExportSource, choice: ExportChoice) {
  const { collector } = source;
  let open: Part[] = [];
  const close = async () => {
    const [{ epoch = 0, entry: { schema = "", topic = "" } = {} } = {}] = open;
    const schemas = new Map([[schema, await source.schemaText(schema)]]);
    const entries = open.map(({ entry }) => entry);
    const letters = open.map(({ letter }) => letter);
    return { batch: { collector, epoch, topic, entries, schemas }, letters };
  };
  for (const part of await partsOf(source, choice)) {
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

async function partsOf(source: ExportSource, choice: ExportChoice): Promise<Iterable<Part>> {
  if (choice.deadLetters) {
    return Iterator.from(source.deadLetters(choice)).filter(({ isSound }) => isSound)
      .map((letter) => ({
        epoch: letter.epoch,
        entry: { ...letter.entry, position: letter.position, topic: letter.topic },
        letter,
      }));
  }
  const epoch = await source.epoch();
  return Iterator.from(source.backlog(choice.output))
    .map((entry) => ({ epoch, entry, letter: undefined }));
}
