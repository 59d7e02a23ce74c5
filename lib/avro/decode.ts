import { Buffer } from "node:buffer";
import avro from "avsc";
import { messageOf } from "../core/mod.ts";
import { Cursor, MoreBytes } from "./binary.ts";
import { type ContainerHeader, decodeBlock, decodeHeader } from "./container.ts";
import { skipValue } from "./skip.ts";

/** A decoded record; its fields are the schema's. */
export type DecodedRecord = { readonly [field: string]: unknown };

/** Reads records out of container bytes that arrive in pieces. */
export class ContainerDecoder {
  readonly #wanted: avro.Type | undefined;
  #bytes = new Uint8Array(0);
  #header: ContainerHeader | undefined;

  /** Wants the fields of a schema; all fields when it is left out. */
  constructor(wanted?: string) {
    this.#wanted = wanted === undefined ? undefined : typeOf(wanted);
  }

  /** Bytes that belong to no whole block yet. */
  get pending(): number {
    return this.#bytes.length;
  }

  /** Whether the head of the file has been read. */
  get hasHeader(): boolean {
    return this.#header !== undefined;
  }

  /**
   * Takes more bytes; gives the records of every block that is whole now.
   *
   * @throws {Error} when the bytes are no container file
   */
  *push(chunk: Uint8Array): Generator<DecodedRecord> {
    const bytes = new Uint8Array(this.#bytes.length + chunk.length);
    bytes.set(this.#bytes);
    bytes.set(chunk, this.#bytes.length);
    this.#bytes = bytes;
    if (!this.#header) {
      this.#header = decodeHeader(this.#bytes);
      if (!this.#header) return;
      this.#bytes = this.#bytes.slice(this.#header.end);
    }
    for (;;) {
      const block = decodeBlock(this.#bytes, 0, this.#header);
      if (!block) return;
      this.#bytes = this.#bytes.slice(block.end);
      yield* records(this.#header.schemaText, block.data, block.count, this.#wanted);
    }
  }
}

const types = new Map<string, avro.Type>();

/** The type a schema text describes; made once. */
function typeOf(schemaText: string): avro.Type {
  let type = types.get(schemaText);
  if (!type) {
    type = parseSchema(schemaText);
    types.set(schemaText, type);
  }
  return type;
}

function parseSchema(schemaText: string): avro.Type {
  try {
    return avro.Type.forSchema(JSON.parse(schemaText));
  } catch (cause) {
    throw new Error(`Cannot read a container: its schema is none: ${messageOf(cause)}`, { cause });
  }
}

const resolvers = new Map<avro.Type, Map<avro.Type, avro.Resolver>>();

/** How records of one type are read as another that has fewer fields; found out once. */
function resolverOf(wanted: avro.Type, type: avro.Type): avro.Resolver {
  const known = resolvers.get(wanted) ?? new Map<avro.Type, avro.Resolver>();
  resolvers.set(wanted, known);
  let resolver = known.get(type);
  if (!resolver) {
    try {
      resolver = wanted.createResolver(type);
    } catch (cause) {
      throw new Error(`Cannot read a container: it is none of readings: ${messageOf(cause)}`, {
        cause,
      });
    }
    known.set(type, resolver);
  }
  return resolver;
}

/**
 * The records of one block.
 *
 * @param wanted the fields that are wanted; all when left out
 * @throws {Error} when they are not what the schema says
 */
export function* records(
  schemaText: string,
  data: Uint8Array,
  count: number,
  wanted?: avro.Type,
): Generator<DecodedRecord> {
  // Even the shortest record of any use takes a byte.
  if (count > data.length) {
    throw new Error(`Cannot read a block: ${count} records in ${data.length} bytes`);
  }
  const type = typeOf(schemaText);
  const resolver = wanted && resolverOf(wanted, type);
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const cursor = new Cursor(data);
  for (let i = 0; i < count; i++) {
    const start = cursor.at;
    skipRecord(type, cursor);
    yield wanted && resolver
      ? wanted.decode(buffer, start, resolver).value
      : type.decode(buffer, start).value;
  }
  if (cursor.left > 0) {
    throw new Error(`Cannot read a block: ${cursor.left} bytes behind its last record`);
  }
}

function skipRecord(type: avro.Type, cursor: Cursor): void {
  try {
    skipValue(type, cursor);
  } catch (error) {
    if (!(error instanceof MoreBytes)) throw error;
    throw new Error("Cannot read a block: it ends in mid-record");
  }
}

/** A decoded value as JSON: bytes in hexadecimal, everything else as it is. */
export function toJson(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("type" in value)) return value;
  const { type, data } = Object(value);
  return type === "Buffer" && Array.isArray(data) ? Buffer.from(data).toString("hex") : value;
}
