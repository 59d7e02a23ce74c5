import type { Entry, NewEntry } from "../core/mod.ts";

/**
 * Entries as few large arrays, which pass from one thread to another without being copied. An object
 * for each would be taken apart and put together again there.
 */
export interface EntryBlock {
  /** Their payloads, one behind the other. */
  readonly payloads: Uint8Array<ArrayBuffer>;
  /** The places of their numbers, one behind the other. */
  readonly numbers: Uint32Array<ArrayBuffer>;
  /** For each, {@linkcode COLUMNS} numbers. */
  readonly columns: Float64Array<ArrayBuffer>;
  /** The schemas and topics that occur. */
  readonly texts: readonly string[];
}

/** Length of payload, count of numbers, time, clock, schema, position, topic. */
const COLUMNS = 7;
/** The clock's state as a number: its place here. */
const CLOCK_STATES = [null, false, true] as const;
/** A new entry has no position yet, and its numbers' places may be not known. */
const NONE = -1;

/** Puts entries into a block. */
export function toBlock(entries: readonly (NewEntry & Partial<Entry>)[]): EntryBlock {
  const texts = new Map<string, number>();
  const textOf = (text: string | undefined) => {
    if (text === undefined) return NONE;
    const at = texts.get(text) ?? texts.size;
    texts.set(text, at);
    return at;
  };
  const sum = (size: (entry: NewEntry) => number) =>
    entries.reduce((all, entry) => all + size(entry), 0);
  const payloads = new Uint8Array(sum(({ payload }) => payload.length));
  const numbers = new Uint32Array(sum(({ numbers }) => numbers?.length ?? 0));
  const columns = new Float64Array(entries.length * COLUMNS);
  let [payloadAt, numberAt, at] = [0, 0, 0];
  for (
    const { payload, numbers: own, createdAt, clockSynced, schema, position, topic } of entries
  ) {
    payloads.set(payload, payloadAt);
    payloadAt += payload.length;
    if (own) numbers.set(own, numberAt);
    numberAt += own?.length ?? 0;
    columns[at++] = payload.length;
    columns[at++] = own?.length ?? NONE;
    columns[at++] = createdAt;
    columns[at++] = CLOCK_STATES.indexOf(clockSynced);
    columns[at++] = textOf(schema);
    columns[at++] = position ?? NONE;
    columns[at++] = textOf(topic);
  }
  return { payloads, numbers, columns, texts: [...texts.keys()] };
}

/** What is handed over with a block, not copied. */
export function transferOf({ payloads, numbers, columns }: EntryBlock): ArrayBuffer[] {
  return [payloads.buffer, numbers.buffer, columns.buffer];
}

/** The entries of a block, each as it was. */
export function fromBlock({ payloads, numbers, columns, texts }: EntryBlock): Entry[] {
  const entries: Entry[] = [];
  let [payloadAt, numberAt] = [0, 0];
  for (let at = 0; at < columns.length; at += COLUMNS) {
    const column = (i: number) => columns[at + i] ?? NONE;
    const [length, count] = [column(0), column(1)];
    const entry = {
      payload: payloads.subarray(payloadAt, payloadAt + length),
      createdAt: column(2),
      clockSynced: CLOCK_STATES[column(3)] ?? null,
      schema: texts[column(4)] ?? "",
      position: column(5),
      topic: texts[column(6)] ?? "",
    };
    payloadAt += length;
    if (count === NONE) entries.push(entry);
    else {
      entries.push({ ...entry, numbers: numbers.subarray(numberAt, numberAt + count) });
      numberAt += count;
    }
  }
  return entries;
}
