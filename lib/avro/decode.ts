import { Buffer } from "node:buffer";
import avro from "avsc";
import { type ContainerHeader, decodeBlock, decodeHeader } from "./container.ts";

/** A decoded record; its fields are the schema's. */
export type DecodedRecord = { readonly [field: string]: unknown };

/** Reads records out of container bytes that arrive in pieces. */
export class ContainerDecoder {
  #bytes = new Uint8Array(0);
  #header: ContainerHeader | undefined;

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
      yield* records(this.#header.schemaText, block.data, block.count);
    }
  }
}

const types = new Map<string, avro.Type>();

/** The type a schema text describes; made once. */
function typeOf(schemaText: string): avro.Type {
  let type = types.get(schemaText);
  if (!type) {
    type = avro.Type.forSchema(JSON.parse(schemaText));
    types.set(schemaText, type);
  }
  return type;
}

/**
 * The records of one block.
 *
 * @throws {Error} when they are not what the schema says
 */
export function* records(
  schemaText: string,
  data: Uint8Array,
  count: number,
): Generator<DecodedRecord> {
  const type = typeOf(schemaText);
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const decoded = type.decode(buffer, offset);
    if (decoded.offset < 0) {
      throw new Error("Cannot read a block: it ends in mid-record");
    }
    offset = decoded.offset;
    yield decoded.value;
  }
}

/** A decoded value as JSON: bytes in hexadecimal, everything else as it is. */
export function toJson(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("type" in value)) return value;
  const { type, data } = Object(value);
  return type === "Buffer" && Array.isArray(data) ? Buffer.from(data).toString("hex") : value;
}
