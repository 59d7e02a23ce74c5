/**
 * Avro object container files: Apache Avro Specification 1.12, section "Object Container Files".
 *
 * @module
 */
import { concat, Cursor, encodeLong, MAX_LENGTH, MoreBytes, withLength } from "./binary.ts";

/** How blocks are compressed. */
export type Codec = "null" | "deflate" | "zstandard";

const MAGIC = Uint8Array.of(0x4f, 0x62, 0x6a, 1);
const SYNC_LENGTH = 16;

/** Loading it takes longer than a whole read: only who compresses pays for it. */
const zlib = () => globalThis.process.getBuiltinModule("node:zlib");

const COMPRESS: Readonly<Record<Codec, (data: Uint8Array) => Uint8Array>> = {
  null: (data) => data,
  // A level more takes four times as long for a tenth less, the usual sixth seven times for a third.
  deflate: (data) => zlib().deflateRawSync(data, { level: 2 }),
  zstandard: (data) => zlib().zstdCompressSync(data),
};

const DECOMPRESS: Readonly<Record<Codec, (data: Uint8Array) => Uint8Array>> = {
  null: (data) => data,
  deflate: (data) => zlib().inflateRawSync(data, { maxOutputLength: MAX_LENGTH }),
  zstandard: (data) => zlib().zstdDecompressSync(data, { maxOutputLength: MAX_LENGTH }),
};

/** What stands at the head of a container. */
export interface ContainerHeader {
  /** The schema its records were written with. */
  readonly schemaText: string;
  /** How its blocks are compressed. */
  readonly codec: Codec;
  /** 16 bytes that end each block. */
  readonly sync: Uint8Array;
  /** Everything that its head says, by key. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Where the first block begins. */
  readonly end: number;
}

/** A block of encoded records. */
export interface Block {
  /** Records in it. */
  readonly count: number;
  /** The records, decompressed. */
  readonly data: Uint8Array;
  /** Where the next block begins. */
  readonly end: number;
}

/** A fresh sync marker. */
export function newSync(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(SYNC_LENGTH));
}

/**
 * Writes the head of a container.
 *
 * @param more what else it says; readers pass over keys that they do not know
 */
export function encodeHeader(
  schemaText: string,
  codec: Codec,
  sync: Uint8Array,
  more: Readonly<Record<string, string>> = {},
): Uint8Array {
  const text = new TextEncoder();
  const entries = Object.entries({ "avro.schema": schemaText, "avro.codec": codec, ...more });
  const metadata = entries.flatMap(([key, value]) => [
    withLength(text.encode(key)),
    withLength(text.encode(value)),
  ]);
  return concat([MAGIC, encodeLong(entries.length), ...metadata, encodeLong(0), sync]);
}

/**
 * Writes one block of `count` encoded records.
 *
 * @param before what stands before it in the file, to come along
 */
export function encodeBlock(
  count: number,
  records: Uint8Array,
  codec: Codec,
  sync: Uint8Array,
  before: Uint8Array = new Uint8Array(),
): Uint8Array {
  const data = COMPRESS[codec](records);
  return concat([before, encodeLong(count), encodeLong(data.length), data, sync]);
}

/**
 * Reads the head of a container; undefined = more bytes are needed.
 *
 * @throws {Error} when it is no container, or compressed in a way we do not know
 */
export function decodeHeader(bytes: Uint8Array): ContainerHeader | undefined {
  const cursor = new Cursor(bytes);
  try {
    if (MAGIC.some((byte, i) => cursor.peek(i) !== byte)) {
      throw new Error("Cannot read a container: it does not begin with Obj and 1");
    }
    cursor.skip(MAGIC.length);
    const metadata = cursor.map();
    const sync = cursor.take(SYNC_LENGTH).slice();
    const codec = metadata.get("avro.codec") ?? "null";
    if (codec !== "null" && codec !== "deflate" && codec !== "zstandard") {
      throw new Error(`Cannot read a container: unknown codec "${codec}"`);
    }
    const schemaText = metadata.get("avro.schema") ?? "";
    return { schemaText, codec, sync, metadata, end: cursor.at };
  } catch (error) {
    if (error instanceof MoreBytes) return undefined;
    throw error;
  }
}

/**
 * Reads the block that begins at `at`; undefined = more bytes are needed.
 *
 * @throws {Error} when it is no block of this container
 */
export function decodeBlock(
  bytes: Uint8Array,
  at: number,
  { codec, sync }: ContainerHeader,
): Block | undefined {
  const cursor = new Cursor(bytes, at);
  try {
    const count = cursor.long();
    const length = cursor.long();
    if (count < 0 || length < 0 || length > MAX_LENGTH) {
      throw new Error(`Cannot read a block: ${count} records in ${length} bytes`);
    }
    const data = cursor.take(length);
    if (cursor.take(SYNC_LENGTH).some((byte, i) => byte !== sync[i])) {
      throw new Error("Cannot read a block: it does not end with the sync marker");
    }
    return { count, data: DECOMPRESS[codec](data), end: cursor.at };
  } catch (error) {
    if (error instanceof MoreBytes) return undefined;
    throw error;
  }
}
