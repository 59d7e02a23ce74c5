import type { BytePool } from "../byte_pool.ts";

/** A reading that others are like: they differ from it in their numbers only. */
export interface Template {
  /** The reading. */
  readonly body: Uint8Array;
  /** The same. */
  readonly view: DataView;
  /** Where its numbers stand, eight bytes each. */
  readonly numbers: Uint32Array;
}

/** A reading as one that others may be like. */
export function asTemplate(body: Uint8Array, numbers: Uint32Array): Template {
  return { body, view: new DataView(body.buffer, body.byteOffset, body.byteLength), numbers };
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

/** Of an array that readings share. */
export const POOL_BYTES = 65_536;

/** Whether two readings are the same but for their numbers. */
export function isAlike(one: Template, other: Template): boolean {
  const { length } = one.body;
  if (length !== other.body.length || one.numbers.length !== other.numbers.length) return false;
  let at = 0;
  for (let i = 0; i < one.numbers.length; i++) {
    const place = one.numbers[i] ?? 0;
    if (place !== other.numbers[i] || !isSame(one.view, other.view, at, place)) return false;
    at = place + NUMBER_BYTES;
  }
  return isSame(one.view, other.view, at, length);
}

function isSame(one: DataView, other: DataView, first: number, end: number): boolean {
  let at = first;
  for (; at + 4 <= end; at += 4) if (one.getInt32(at) !== other.getInt32(at)) return false;
  for (; at < end; at++) if (one.getInt8(at) !== other.getInt8(at)) return false;
  return true;
}

/**
 * The numbers of a reading that is like another. Each is the difference of two whole numbers and how
 * many decimal digits were cut off them, so that 230.4 after 230.1 takes a byte; what is no such
 * number, or would not come back bit by bit, stands as it is.
 *
 * @param reading differs from the template in its numbers only
 * @param pool where they are put
 */
export function pack(
  { view: before, numbers }: Template,
  reading: Template,
  pool: BytePool,
): Uint8Array {
  const { body, view: now } = reading;
  let at = pool.reserve(numbers.length * PACKED_BYTES);
  const packed = pool.bytes;
  for (let i = 0; i < numbers.length; i++) {
    const place = numbers[i] ?? 0;
    const value = now.getFloat64(place, true);
    const digits = digitsOf(value);
    if (digits === AS_IT_IS) {
      packed[at++] = AS_IT_IS;
      for (let k = 0; k < NUMBER_BYTES; k++) packed[at++] = body[place + k] ?? 0;
      continue;
    }
    const change = whole(value, digits) - whole(before.getFloat64(place, true), digits);
    let rest = (change < 0 ? -2 * change - 1 : 2 * change) * KINDS + digits;
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) packed[at++] = rest % 0x80 | 0x80;
    packed[at++] = rest;
  }
  return pool.taken(at);
}

/**
 * The reading that was packed; undefined when these are no bytes of `pack` with this template.
 *
 * @param pool where it is put
 */
export function unpack(
  { body, view: before, numbers }: Template,
  packed: Uint8Array,
  pool: BytePool,
): Uint8Array | undefined {
  const start = pool.reserve(body.length);
  const { bytes: reading, view: now } = pool;
  reading.set(body, start);
  let at = 0;
  for (let i = 0; i < numbers.length; i++) {
    const place = numbers[i] ?? 0;
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
      for (let k = 0; k < NUMBER_BYTES; k++) reading[start + place + k] = packed[at++] ?? 0;
      continue;
    }
    const twice = Math.floor(rest / KINDS);
    const change = twice % 2 === 0 ? twice / 2 : -(twice + 1) / 2;
    const value = whole(before.getFloat64(place, true), digits) + change;
    now.setFloat64(start + place, value / (POWERS[digits] ?? 1), true);
  }
  return at === packed.length ? pool.taken(start + body.length) : undefined;
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
