/** A reading that others are like: they differ from it in their numbers only. */
export interface Template {
  /** The reading. */
  readonly body: Uint8Array;
  /** Where its numbers stand, eight bytes each. */
  readonly numbers: Uint32Array;
}

/** What a decimal number is multiplied by to be a whole one, by its count of digits. */
const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6] as const;
/** Stands for a count of digits: eight bytes follow as they are. */
const AS_IT_IS = 7;
/** Counts of digits are told in so many values. */
const KINDS = 8;
/** Beyond it a difference and a count of digits do not fit a number. */
const LARGEST = 2 ** 48;
const NUMBER_BYTES = 8;
/** The most that a number takes: eight bytes and their mark; or a difference. */
const PACKED_BYTES = 9;

/** Readings share arrays of this size. */
const POOL_BYTES = 65_536;

/** Whether two readings are the same but for their numbers. */
export function isAlike(one: Template, other: Template): boolean {
  if (one.body.length !== other.body.length || one.numbers.length !== other.numbers.length) {
    return false;
  }
  let at = 0;
  for (let i = 0; i < one.numbers.length; i++) {
    const place = one.numbers[i] ?? 0;
    if (place !== other.numbers[i]) return false;
    for (; at < place; at++) if (one.body[at] !== other.body[at]) return false;
    at = place + NUMBER_BYTES;
  }
  for (; at < one.body.length; at++) if (one.body[at] !== other.body[at]) return false;
  return true;
}

/**
 * The numbers of a reading that is like another. Each is the difference of two whole numbers and how
 * many decimal digits were cut off them, so that 230.4 after 230.1 takes a byte; what is no such
 * number, or would not come back bit by bit, stands as it is.
 *
 * @param reading differs from the template in its numbers only
 */
export function pack({ body, numbers }: Template, reading: Uint8Array): Uint8Array {
  const [before, now] = [viewOf(body), viewOf(reading)];
  const packed = new Uint8Array(numbers.length * PACKED_BYTES);
  let at = 0;
  for (const place of numbers) {
    const value = now.getFloat64(place, true);
    const digits = digitsOf(value);
    if (digits === AS_IT_IS) {
      packed[at++] = AS_IT_IS;
      packed.set(reading.subarray(place, place + NUMBER_BYTES), at);
      at += NUMBER_BYTES;
      continue;
    }
    const change = whole(value, digits) - whole(before.getFloat64(place, true), digits);
    let rest = (change < 0 ? -2 * change - 1 : 2 * change) * KINDS + digits;
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) packed[at++] = rest % 0x80 | 0x80;
    packed[at++] = rest;
  }
  return packed.slice(0, at);
}

/** Gives room for readings that are unpacked: one large array for many costs less than one for each. */
export class Pool {
  #view = new DataView(new ArrayBuffer(0));
  #end = 0;

  /** So many bytes that are nobody else's. */
  take(length: number): DataView {
    if (this.#end + length > this.#view.byteLength) {
      this.#view = new DataView(new ArrayBuffer(Math.max(length, POOL_BYTES)));
      this.#end = 0;
    }
    const taken = new DataView(this.#view.buffer, this.#end, length);
    this.#end += length;
    return taken;
  }
}

/**
 * The reading that was packed; undefined when these are no bytes of `pack` with this template.
 *
 * @param pool where it is put
 */
export function unpack(
  { body, numbers }: Template,
  packed: Uint8Array,
  pool: Pool,
): Uint8Array | undefined {
  const [before, now] = [viewOf(body), pool.take(body.length)];
  const reading = new Uint8Array(now.buffer, now.byteOffset, now.byteLength);
  reading.set(body);
  let at = 0;
  for (const place of numbers) {
    let rest = 0;
    for (let weight = 1;; weight *= 0x80) {
      const byte = packed[at++];
      if (byte === undefined) return undefined;
      rest += (byte & 0x7f) * weight;
      if (byte < 0x80) break;
      if (weight > Number.MAX_SAFE_INTEGER) return undefined;
    }
    const digits = rest % KINDS;
    if (digits === AS_IT_IS) {
      if (at + NUMBER_BYTES > packed.length) return undefined;
      reading.set(packed.subarray(at, at + NUMBER_BYTES), place);
      at += NUMBER_BYTES;
      continue;
    }
    const twice = Math.floor(rest / KINDS);
    const change = twice % 2 === 0 ? twice / 2 : -(twice + 1) / 2;
    const value = whole(before.getFloat64(place, true), digits) + change;
    now.setFloat64(place, value / (POWERS[digits] ?? 1), true);
  }
  return at === packed.length ? reading : undefined;
}

/** How many decimal digits a number has; {@linkcode AS_IT_IS} when it is no decimal number. */
function digitsOf(value: number): number {
  for (let digits = 0; digits < AS_IT_IS; digits++) {
    const power = POWERS[digits] ?? 1;
    const shifted = Math.round(value * power);
    // Minus zero would come back without its sign.
    if (shifted / power === value && !Object.is(shifted, -0)) {
      return Math.abs(shifted) < LARGEST ? digits : AS_IT_IS;
    }
  }
  return AS_IT_IS;
}

/** A number without its decimal point; 0 for what is too large to have anything in common with. */
function whole(value: number, digits: number): number {
  const shifted = Math.round(value * (POWERS[digits] ?? 1));
  return Math.abs(shifted) < LARGEST ? shifted : 0;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
