/** So many bytes hold several records. */
const ROOM_BYTES = 4096;
/** The most that a number takes. */
const LONG_BYTES = 10;

const text = new TextEncoder();

/**
 * Writes Avro's binary encoding ("Binary Encoding", Apache Avro Specification 1.12). Records come to
 * lie one behind the other in the same array until it is full: an array of its own for each costs
 * more than to write it.
 */
export class Writer {
  readonly #room: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  /** Where the present record begins. */
  #start = 0;
  #at = 0;

  /** @param room bytes of an array; a record that is longer gets a larger one */
  constructor(room: number = ROOM_BYTES) {
    this.#room = room;
    this.#bytes = new Uint8Array(room);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Where in the record the next byte goes. */
  get at(): number {
    return this.#at - this.#start;
  }

  /** Begins a record; one that was not taken is forgotten. */
  begin(): void {
    this.#at = this.#start;
  }

  /** The record that was written since: a part of a larger array, in which it stays as it is. */
  taken(): Uint8Array {
    const record = this.#bytes.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return record;
  }

  /** The same, where it is used at once: the next record is written over it. */
  lent(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#at);
  }

  /**
   * Zigzag, then seven bits a byte, lowest first.
   *
   * @throws {RangeError} it is no integer within ±2^53
   */
  long(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`Cannot encode ${value}: no integer`);
    this.#reserve(LONG_BYTES);
    if (value >= -0x4000_0000 && value < 0x4000_0000) return this.#small(value << 1 ^ value >> 31);
    // Twice the value may be beyond what a number holds exactly: its first seven bits go ahead.
    const low = value < 0 ? -(value + 1) % 64 * 2 + 1 : value % 64 * 2;
    let rest = Math.floor((value < 0 ? -(value + 1) : value) / 64);
    this.#bytes[this.#at++] = low | 0x80;
    for (; rest > 0xffff_ffff; rest = Math.floor(rest / 128)) {
      this.#bytes[this.#at++] = rest % 128 | 0x80;
    }
    this.#small(rest);
  }

  /** Bytes with their length before them. */
  sized(bytes: Uint8Array): void {
    this.long(bytes.length);
    this.raw(bytes);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A text. Nearly all are short and plain: to ask the platform takes longer than to copy those. */
  string(value: string): void {
    const { length } = value;
    this.#reserve(length + LONG_BYTES);
    const start = this.#at;
    this.long(length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#at = start;
        return this.sized(text.encode(value));
      }
      bytes[at++] = code;
    }
    this.#at = at;
  }

  /** A double, little-endian. */
  double(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** Another one in the place of one that was written. */
  doubleAt(at: number, value: number): void {
    this.#view.setFloat64(this.#start + at, value, true);
  }

  /** A part of what another one has written of its record. */
  part(other: Writer, from: number, to: number): void {
    const start = other.#start;
    this.raw(other.#bytes.subarray(start + from, start + to));
  }

  /** True or false. */
  boolean(value: boolean): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value ? 1 : 0;
  }

  /** Nothing, or what `write` writes: a union of null and one type. */
  optional<T>(value: T | null, write: (value: T) => void): void {
    this.present(value !== null);
    if (value !== null) write(value);
  }

  /** Which of the two it is: what such a union begins with. */
  present(isPresent: boolean): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = isPresent ? 2 : 0;
  }

  #small(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = rest & 0x7f | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const begun = this.#bytes.subarray(this.#start, this.#at);
    const fresh = new Uint8Array(Math.max(this.#room, (begun.length + length) * 2));
    fresh.set(begun);
    this.#bytes = fresh;
    this.#view = new DataView(fresh.buffer);
    this.#start = 0;
    this.#at = begun.length;
  }
}
