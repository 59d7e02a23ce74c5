/**
 * Avro's binary encoding, as far as containers need it: Apache Avro Specification 1.12, section
 * "Binary Encoding".
 *
 * @module
 */

import { Writer } from "./writer.ts";

/** No block or text we write comes near; a length beyond it is rubbish. */
export const MAX_LENGTH = 256 * 1024 * 1024;

const writer = new Writer();

/** Zigzag, then seven bits a byte, lowest first. `value` within ±2^53. */
export function encodeLong(value: number): Uint8Array {
  writer.begin();
  writer.long(value);
  return writer.taken();
}

/** Bytes, or a text, with their length before them. */
export function withLength(bytes: Uint8Array): Uint8Array {
  return concat([encodeLong(bytes.length), bytes]);
}

/** Joins byte arrays. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** The end of the bytes came before the end of the value. */
export class MoreBytes extends Error {}

/** Reads Avro's binary encoding from a place on. */
export class Cursor {
  readonly #bytes: Uint8Array;
  /** Where the next byte is read. */
  at: number;

  /** Begins at `at`. */
  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** How many bytes there are from here on. */
  get left(): number {
    return this.#bytes.length - this.at;
  }

  /** A byte ahead. */
  peek(offset: number): number {
    const byte = this.#bytes[this.at + offset];
    if (byte === undefined) throw new MoreBytes();
    return byte;
  }

  /** Passes over bytes. */
  skip(length: number): void {
    this.at += length;
  }

  /** The next bytes, not copied. */
  take(length: number): Uint8Array {
    if (length > this.left) throw new MoreBytes();
    const taken = this.#bytes.subarray(this.at, this.at + length);
    this.at += length;
    return taken;
  }

  /** The next number. */
  long(): number {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.peek(0);
      this.at++;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (low >>> 1) ^ -(low & 1);
    }
    // Most numbers are lengths: only the others need more than 32 bits.
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.peek(0);
      this.at++;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(value & 1n ? -(value >> 1n) - 1n : value >> 1n);
    }
    throw new Error("Cannot read a container: a number has more than ten bytes");
  }

  /** The next map of texts. */
  map(): Map<string, string> {
    const entries = new Map<string, string>();
    const text = new TextDecoder();
    for (let count = this.long(); count !== 0; count = this.long()) {
      // A negative count is followed by the size of the block in bytes.
      if (count < 0) this.long();
      for (let i = 0; i < Math.abs(count); i++) {
        const key = text.decode(this.sized());
        entries.set(key, text.decode(this.sized()));
      }
    }
    return entries;
  }

  /** The next bytes or text, whose length stands before them; not copied. */
  sized(): Uint8Array {
    const length = this.long();
    if (length < 0 || length > MAX_LENGTH) {
      throw new Error(`Cannot read a container: a text of ${length} bytes`);
    }
    return this.take(length);
  }
}
