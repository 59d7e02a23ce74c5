import assert from "node:assert/strict";
import fc from "fast-check";
import { pointTypes, type WireValue } from "../../lib/sunspec/mod.ts";
import { fromHex } from "../modbus/hex.ts";

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function typeOf(name: string) {
  return pointTypes[name] ?? assert.fail(`there is no type ${name}`);
}

function decode(name: string, bytes: Uint8Array): WireValue {
  return typeOf(name).decode(viewOf(bytes), 0, bytes.length / 2);
}

function encode(name: string, value: WireValue, size: number): Uint8Array {
  const bytes = new Uint8Array(size * 2).fill(0xa5);
  typeOf(name).encode(viewOf(bytes), 0, size, value);
  return bytes;
}

/** Device Information Model Specification, section 4.2: values, edges, marks for not implemented. */
const KNOWN: readonly (readonly [type: string, hex: string, value: WireValue])[] = [
  ["int16", "0000", 0],
  ["int16", "7FFF", 32_767],
  ["int16", "FFFF", -1],
  ["int16", "8001", -32_767],
  ["int16", "8000", null],
  ["uint16", "0000", 0],
  ["uint16", "8000", 32_768],
  ["uint16", "FFFE", 65_534],
  ["uint16", "FFFF", null],
  ["count", "0003", 3],
  ["count", "FFFF", null],
  ["acc16", "0001", 1],
  ["acc16", "FFFF", 65_535],
  ["acc16", "0000", null],
  ["enum16", "0000", 0],
  ["enum16", "FFFE", 65_534],
  ["enum16", "FFFF", null],
  ["bitfield16", "0000", 0],
  ["bitfield16", "7FFF", 32_767],
  ["bitfield16", "FFFF", null],
  ["sunssf", "0000", 0],
  ["sunssf", "000A", 10],
  ["sunssf", "FFF6", -10],
  ["sunssf", "8000", null],
  ["int32", "00000000", 0],
  ["int32", "7FFFFFFF", 2_147_483_647],
  ["int32", "FFFFFFFF", -1],
  ["int32", "80000001", -2_147_483_647],
  ["int32", "80000000", null],
  ["uint32", "00010000", 65_536],
  ["uint32", "80000000", 2_147_483_648],
  ["uint32", "FFFFFFFE", 4_294_967_294],
  ["uint32", "FFFFFFFF", null],
  ["acc32", "00000001", 1],
  ["acc32", "FFFFFFFF", 4_294_967_295],
  ["acc32", "00000000", null],
  ["enum32", "00000000", 0],
  ["enum32", "FFFFFFFF", null],
  ["bitfield32", "00000000", 0],
  ["bitfield32", "7FFFFFFF", 2_147_483_647],
  ["bitfield32", "FFFFFFFF", null],
  ["int64", "0000000000000000", 0],
  ["int64", "FFFFFFFFFFFFFFFF", -1],
  ["int64", "001FFFFFFFFFFFFF", 9_007_199_254_740_991],
  ["int64", "0020000000000001", 9_007_199_254_740_993n],
  ["int64", "FFE0000000000001", -9_007_199_254_740_991],
  ["int64", "FFDFFFFFFFFFFFFF", -9_007_199_254_740_993n],
  ["int64", "7FFFFFFFFFFFFFFF", 9_223_372_036_854_775_807n],
  ["int64", "8000000000000001", -9_223_372_036_854_775_807n],
  ["int64", "8000000000000000", null],
  ["uint64", "0000000000000000", 0],
  ["uint64", "8000000000000000", 9_223_372_036_854_775_808n],
  ["uint64", "FFFFFFFFFFFFFFFE", 18_446_744_073_709_551_614n],
  ["uint64", "FFFFFFFFFFFFFFFF", null],
  ["acc64", "0000000000000001", 1],
  ["acc64", "FFFFFFFFFFFFFFFF", 18_446_744_073_709_551_615n],
  ["acc64", "0000000000000000", null],
  ["bitfield64", "0000000000000000", 0],
  ["bitfield64", "8000000000000001", 9_223_372_036_854_775_809n],
  ["bitfield64", "FFFFFFFFFFFFFFFF", null],
  ["float32", "00000000", 0],
  ["float32", "3FC00000", 1.5],
  ["float32", "C2480000", -50],
  ["float32", "43666666", 230.399993896484375],
  ["float32", "7F7FFFFF", 3.4028234663852886e38],
  ["float32", "7FC00000", null],
  ["float64", "0000000000000000", 0],
  ["float64", "3FF8000000000000", 1.5],
  ["float64", "406CCCCCCCCCCCCD", 230.4],
  ["float64", "7FF8000000000000", null],
  ["string", "48656C696F00", "Helio"],
  ["string", "48656C696F21", "Helio!"],
  ["string", "C3A900000000", "é"],
  ["string", "410042000000", "A\0B"],
  ["string", "000000000000", null],
  ["ipaddr", "C0000207", "192.0.2.7"],
  ["ipaddr", "FFFFFFFF", "255.255.255.255"],
  ["ipaddr", "00000000", null],
  ["ipv6addr", "20010DB8000000000000000000000007", "2001:db8::7"],
  ["ipv6addr", "20010DB8000000000001000000000001", "2001:db8::1:0:0:1"],
  ["ipv6addr", "20010DB8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
  ["ipv6addr", "20010DB8000100010001000100010000", "2001:db8:1:1:1:1:1:0"],
  ["ipv6addr", "00000000000000010000000000000001", "::1:0:0:0:1"],
  ["ipv6addr", "00010000000000000000000000000000", "1::"],
  ["ipv6addr", "00000000000000000000000000000001", "::1"],
  ["ipv6addr", "00100000000000A00000000000000005", "10:0:0:a0::5"],
  ["ipv6addr", "FE800000000000000202B3FFFE1E8329", "fe80::202:b3ff:fe1e:8329"],
  ["ipv6addr", "00010002000300040005000600070008", "1:2:3:4:5:6:7:8"],
  ["ipv6addr", "00000000000000000000000000000000", null],
  ["eui48", "000002005E005301", "02:00:5E:00:53:01"],
  ["eui48", "0000FFFFFFFFFFFF", null],
  ["pad", "8000", 32_768],
  ["pad", "0000", 0],
];

Deno.test("decode() and encode() know every point type, its edges and its mark", () => {
  const types = new Set(KNOWN.map(([type]) => type));
  assert.deepEqual([...types].sort(), Object.keys(pointTypes).sort());
  for (const [type, hex, value] of KNOWN) {
    const bytes = fromHex(hex);
    assert.equal(decode(type, bytes), value, `${type} ${hex}`);
    assert.deepEqual(encode(type, value, bytes.length / 2), bytes, `${type} ${hex}`);
  }
});

Deno.test("decode() is lenient where devices are sloppy", () => {
  for (
    const [type, hex, value] of [
      ["float32", "FFC00000", null],
      ["float32", "7F800001", null],
      ["float32", "7F800000", null],
      ["float32", "FF800000", null],
      ["float64", "FFF8000000000001", null],
      ["float64", "7FF0000000000000", null],
      ["string", "536F6C6172456467652020202020", "SolarEdge"],
      ["string", "202020202020", ""],
      ["string", "412020000000", "A"],
      ["string", "412000200020", "A"],
      ["string", "0041", null],
      ["string", "B04300000000", "°C"],
      ["string", "FFFFFFFFFFFF", null],
      ["string", "FFFFFFFFFF41", "ÿÿÿÿÿA"],
      ["string", "EFBBBF410000", "\ufeffA"],
      ["eui48", "123402005E005301", "02:00:5E:00:53:01"],
      ["eui48", "FFFFFFFFFFFFFFFF", null],
      ["eui48", "0000000000000000", null],
    ] as const
  ) {
    assert.equal(decode(type, fromHex(hex)), value, `${type} ${hex}`);
  }
});

Deno.test("raw() is what the reference implementation shows", () => {
  for (
    const [type, hex, value] of [
      ["string", "536F6C61722020", "Solar  "],
      ["string", "41200000", "A "],
      ["string", "41004200", "A\0B"],
      ["string", "B0430000", null],
      ["string", "00410000", null],
      ["ipaddr", "C0000207", 3_221_225_991],
      ["ipaddr", "00000000", null],
      ["ipv6addr", "20010DB8000000000000000000000007", "20010DB8:00000000:00000000:00000007"],
      ["ipv6addr", "00000000000000000000000000000000", null],
    ] as const
  ) {
    const bytes = fromHex(hex);
    assert.equal(typeOf(type).raw?.(viewOf(bytes), 0, bytes.length / 2), value, `${type} ${hex}`);
  }
});

Deno.test("null is written as the mark for not implemented, which reads as null", () => {
  for (const [type, { size = 3, kind }] of Object.entries(pointTypes)) {
    if (kind === "pad") continue;
    assert.equal(decode(type, encode(type, null, size)), null, type);
  }
});

Deno.test("a string is written as far as it fits, never half a character", () => {
  for (
    const [value, hex] of [
      ["abcd", "61626364"],
      ["abcde", "61626364"],
      ["abcé", "61626300"],
      ["a", "61000000"],
      ["", "00000000"],
    ] as const
  ) {
    assert.deepEqual(encode("string", value, 2), fromHex(hex));
  }
});

/** Types where the same value always has the same registers. */
const EXACT = Object.entries(pointTypes)
  .filter(([name, { size }]) => size !== undefined && !/^(float|eui48)/.test(name));

Deno.test("encode(decode(registers)) are the registers", () => {
  for (const [type, { size = 1 }] of EXACT) {
    const registers = fc.uint8Array({ minLength: size * 2, maxLength: size * 2 });
    const sparse = registers.map((bytes) => bytes.map((byte) => byte % 3 === 0 ? 0 : byte));
    fc.assert(
      fc.property(fc.oneof(registers, sparse), (bytes) => {
        assert.deepEqual(encode(type, decode(type, bytes), size), Uint8Array.from(bytes));
      }),
      { numRuns: 300 },
    );
  }
});

Deno.test("decode(encode(value)) is the value", () => {
  const text = fc.string({ unit: "grapheme" })
    .filter((text) => !/^\0|[\0\s]$/.test(text) && text !== "" && text.isWellFormed());
  const eui48 = fc.uint8Array({ minLength: 6, maxLength: 6 })
    .map((bytes) => bytes.toHex().toUpperCase().match(/../g)?.join(":") ?? "");
  for (
    const [type, values] of [
      ["float32", fc.float({ noNaN: true, noDefaultInfinity: true })],
      ["float64", fc.double({ noNaN: true, noDefaultInfinity: true })],
      ["string", text],
      ["eui48", eui48],
    ] as const
  ) {
    fc.assert(fc.property<[number | string]>(values, (value) => {
      fc.pre(value !== "FF:FF:FF:FF:FF:FF" && value !== "00:00:00:00:00:00");
      assert.equal(decode(type, encode(type, value, typeOf(type).size ?? 100)), value);
    }));
  }
});

Deno.test("a text that was read before is what it would be the first time, wherever it stands", () => {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const windows1252 = new TextDecoder("windows-1252");
  const made = (bytes: Uint8Array) => {
    const own = bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
    try {
      return utf8.decode(own).replace(/[\0\s]+$/, "");
    } catch {
      return windows1252.decode(own).replace(/[\0\s]+$/, "");
    }
  };
  // "Aa" and "BB" have the same hash.
  const byte = fc.constantFrom(..."AaBBCC  \0\0", "\xb0", "\xc3", "\xa9")
    .map((char) => char.charCodeAt(0));
  const texts = fc.array(fc.array(byte, { minLength: 2, maxLength: 6 }), { maxLength: 20 });
  fc.assert(fc.property(texts, fc.nat(3), (texts, before) => {
    for (const text of texts) {
      const size = Math.ceil(text.length / 2);
      const bytes = new Uint8Array((before + size) * 2);
      bytes.set(text, before * 2);
      const want = text[0] === 0 ? null : made(Uint8Array.from(text));
      assert.equal(typeOf("string").decode(viewOf(bytes), before * 2, size), want);
    }
  }));
});

Deno.test("any registers decode to a value or null", () => {
  for (const [type, { size }] of Object.entries(pointTypes)) {
    const length = (size ?? 5) * 2;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: length, maxLength: length }), (bytes) => {
        const value = decode(type, bytes);
        const isKnown = value === null || ["number", "bigint", "string"].includes(typeof value);
        assert.ok(isKnown && !Number.isNaN(value), `${type} ${bytes.toHex()}: ${value}`);
        const raw = typeOf(type).raw?.(viewOf(bytes), 0, length / 2);
        assert.ok(raw === undefined || raw === null || ["number", "string"].includes(typeof raw));
      }),
    );
  }
});
