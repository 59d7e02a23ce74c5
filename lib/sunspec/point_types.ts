/**
 * The SunSpec point types: how many registers, how they read and write, what marks "not
 * implemented". Source: SunSpec Device Information Model Specification V1.1, section 4.2.
 */

import { textAt, utf8At } from "./text.ts";

/** A value as on the wire, two's complement applied. null = not implemented. */
export type WireValue = number | bigint | string | null;

/** One point type. Offsets and sizes count bytes and registers of 16 bits, big-endian. */
export interface PointType {
  /** Registers; undefined = the definition says. */
  readonly size: number | undefined;
  /** What the number means. */
  readonly kind: "integer" | "float" | "enum" | "bitfield" | "text" | "scale_factor" | "pad";
  /** Reads the point at byte `at`; `size` in registers. */
  decode(view: DataView, at: number, size: number): WireValue;
  /** Writes a value, or the mark for not implemented. */
  encode(view: DataView, at: number, size: number, value: WireValue): void;
  /** The same as the reference implementation shows it unscaled, where that differs from `decode`. */
  raw?(view: DataView, at: number, size: number): WireValue;
}

/** How an integer of up to 32 bits is read and written. */
interface Word {
  readonly size: 1 | 2;
  decode(notImplemented: number): (view: DataView, at: number) => number | null;
  set(view: DataView, at: number, value: number): void;
}

// A closure of its own for each: one for all would call another to look into the view.
const INT16: Word = {
  size: 1,
  decode: (mark) => (view, at) => unless(mark, view.getInt16(at)),
  set: (view, at, value) => view.setInt16(at, value),
};
const UINT16: Word = {
  size: 1,
  decode: (mark) => (view, at) => unless(mark, view.getUint16(at)),
  set: (view, at, value) => view.setUint16(at, value),
};
const INT32: Word = {
  size: 2,
  decode: (mark) => (view, at) => unless(mark, view.getInt32(at)),
  set: (view, at, value) => view.setInt32(at, value),
};
const UINT32: Word = {
  size: 2,
  decode: (mark) => (view, at) => unless(mark, view.getUint32(at)),
  set: (view, at, value) => view.setUint32(at, value),
};

function unless(mark: number, value: number): number | null {
  return value === mark ? null : value;
}

function integer(
  { size, decode, set }: Word,
  notImplemented: number,
  kind: PointType["kind"] = "integer",
): PointType {
  return {
    size,
    kind,
    decode: decode(notImplemented),
    encode(view, at, _size, value) {
      set(view, at, value === null ? notImplemented : Number(value));
    },
  };
}

function integer64(signed: boolean, notImplemented: bigint): PointType {
  return {
    size: 4,
    kind: "integer",
    decode(view, at) {
      const value = signed ? view.getBigInt64(at) : view.getBigUint64(at);
      if (value === notImplemented) return null;
      return isSafe(value) ? Number(value) : value;
    },
    encode(view, at, _size, value) {
      view.setBigUint64(at, BigInt.asUintN(64, value === null ? notImplemented : BigInt(value)));
    },
  };
}

function isSafe(value: bigint): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
}

/** NaN marks "not implemented"; an infinity is no quantity either. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

const float32: PointType = {
  size: 2,
  kind: "float",
  decode: (view, at) => finite(view.getFloat32(at)),
  encode(view, at, _size, value) {
    if (value === null) view.setUint32(at, 0x7fc0_0000);
    else view.setFloat32(at, Number(value));
  },
};

const float64: PointType = {
  size: 4,
  kind: "float",
  decode: (view, at) => finite(view.getFloat64(at)),
  encode(view, at, _size, value) {
    if (value === null) view.setBigUint64(at, 0x7ff8_0000_0000_0000n);
    else view.setFloat64(at, Number(value));
  },
};

function bytesOf(view: DataView, at: number, size: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, size * 2);
}

/** The byte behind a string, its trailing NULs left out; undefined when it is not implemented. */
function stringEnd(view: DataView, at: number, size: number): number | undefined {
  if (view.getUint8(at) === 0 || isErased(view, at, size)) return undefined;
  let end = at + size * 2;
  while (view.getUint8(end - 1) === 0) end--;
  return end;
}

/** Whether all of it is 0xFF: devices leave what was never written so, or mark it as they mark numbers. */
function isErased(view: DataView, at: number, size: number): boolean {
  for (let i = 0; i < size * 2; i++) if (view.getUint8(at + i) !== 0xff) return false;
  return true;
}

const string: PointType = {
  size: undefined,
  kind: "text",
  decode(view, at, size) {
    const end = stringEnd(view, at, size);
    return end === undefined ? null : textAt(view, at, end);
  },
  encode(view, at, size, value) {
    const bytes = bytesOf(view, at, size);
    bytes.fill(0);
    new TextEncoder().encodeInto(value === null ? "" : String(value), bytes);
  },
  raw(view, at, size) {
    const end = stringEnd(view, at, size);
    return end === undefined ? null : utf8At(view, at, end);
  },
};

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase();
}

function parseHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const ipaddr: PointType = {
  size: 2,
  kind: "text",
  decode: (view, at) => view.getUint32(at) === 0 ? null : bytesOf(view, at, 2).join("."),
  encode(view, at, _size, value) {
    bytesOf(view, at, 2).set(value === null ? [0, 0, 0, 0] : String(value).split(".").map(Number));
  },
  raw: (view, at) => view.getUint32(at) || null,
};

/** Groups of 16 bits in hexadecimal, the longest run of zeros shortened: RFC 5952, section 4. */
function formatIpv6(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(i * 2).toString(16)).join(":");
  const runs = [...groups.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)]
    .sort((a, b) => b[0].length - a[0].length);
  const run = runs[0];
  if (!run) return groups;
  const before = groups.slice(0, run.index).replace(/:$/, "");
  const after = groups.slice(run.index + run[0].length).replace(/^:/, "");
  return `${before}::${after}`;
}

/** The 16 bytes of an address that `formatIpv6` made. */
function parseIpv6(text: string): Uint8Array {
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":");
  const after = groups(tail ?? "");
  const zeros = Array<string>(8 - groups(head).length - after.length).fill("0");
  const all = [...groups(head), ...(tail === undefined ? [] : zeros), ...after];
  return parseHex(all.map((group) => group.padStart(4, "0")).join(""));
}

const ipv6addr: PointType = {
  size: 8,
  kind: "text",
  decode(view, at) {
    const bytes = bytesOf(view, at, 8);
    return bytes.some((byte) => byte !== 0) ? formatIpv6(bytes) : null;
  },
  encode(view, at, _size, value) {
    bytesOf(view, at, 8).set(value === null ? new Uint8Array(16) : parseIpv6(String(value)));
  },
  raw(view, at) {
    const bytes = bytesOf(view, at, 8);
    if (!bytes.some((byte) => byte !== 0)) return null;
    return [0, 4, 8, 12].map((from) => hex(bytes.subarray(from, from + 4))).join(":");
  },
};

const EUI48_NOT_IMPLEMENTED = "FF:FF:FF:FF:FF:FF";

/** Six bytes in the last three of four registers. */
const eui48: PointType = {
  size: 4,
  kind: "text",
  decode(view, at) {
    const bytes = bytesOf(view, at, 4);
    if (!bytes.some((byte) => byte !== 0)) return null;
    const text = (hex(bytes.subarray(2)).match(/../g) ?? []).join(":");
    return text === EUI48_NOT_IMPLEMENTED ? null : text;
  },
  encode(view, at, _size, value) {
    const digits = String(value ?? EUI48_NOT_IMPLEMENTED).replaceAll(":", "");
    bytesOf(view, at, 4).set(parseHex("0000" + digits));
  },
};

const pad: PointType = {
  size: undefined,
  kind: "pad",
  decode: (view, at) => view.getUint16(at),
  encode: (view, at, _size, value) => view.setUint16(at, Number(value ?? 0)),
};

/** By the name the definitions use. */
export const pointTypes: Readonly<Record<string, PointType>> = {
  int16: integer(INT16, -0x8000),
  uint16: integer(UINT16, 0xffff),
  count: integer(UINT16, 0xffff),
  acc16: integer(UINT16, 0),
  enum16: integer(UINT16, 0xffff, "enum"),
  bitfield16: integer(UINT16, 0xffff, "bitfield"),
  sunssf: integer(INT16, -0x8000, "scale_factor"),
  int32: integer(INT32, -0x8000_0000),
  uint32: integer(UINT32, 0xffff_ffff),
  acc32: integer(UINT32, 0),
  enum32: integer(UINT32, 0xffff_ffff, "enum"),
  bitfield32: integer(UINT32, 0xffff_ffff, "bitfield"),
  int64: integer64(true, -0x8000_0000_0000_0000n),
  uint64: integer64(false, 0xffff_ffff_ffff_ffffn),
  acc64: integer64(false, 0n),
  bitfield64: { ...integer64(false, 0xffff_ffff_ffff_ffffn), kind: "bitfield" },
  float32,
  float64,
  string,
  ipaddr,
  ipv6addr,
  eui48,
  pad,
};
