import assert from "node:assert/strict";
import avro from "avsc";
import fc from "fast-check";
import { fromHex } from "../modbus/hex.ts";
import { concat, Cursor, encodeLong, MoreBytes, withLength } from "../../lib/avro/binary.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** Both signs, all lengths of the encoding. */
const anyLong = fc.oneof(
  fc.maxSafeInteger(),
  fc.tuple(fc.integer({ min: 0, max: 53 }), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([bits, more, isNegative]) => isNegative ? -(2 ** bits) - more : 2 ** bits + more)
    .filter(Number.isSafeInteger),
);

Deno.test("encodeLong() gives the bytes of the specification", () => {
  for (
    const [value, hex] of [
      [0, "00"],
      [-1, "01"],
      [1, "02"],
      [-2, "03"],
      [2, "04"],
      [-64, "7f"],
      [64, "8001"],
      [8192, "808001"],
      [-8193, "818001"],
      [Number.MAX_SAFE_INTEGER, "feffffffffffff1f"],
      [Number.MIN_SAFE_INTEGER, "fdffffffffffff1f"],
    ] as const
  ) {
    assert.equal(encodeLong(value).toHex(), hex, String(value));
  }
});

Deno.test("any long within ±2^53 comes back", () => {
  fc.assert(fc.property(anyLong, (value) => {
    const cursor = new Cursor(encodeLong(value));
    // -0 is no integer of Avro's.
    assert.deepEqual([cursor.long(), cursor.left], [value + 0, 0]);
  }));
});

Deno.test("longs are encoded as avsc does, as far as avsc is exact", () => {
  const long = avro.Type.forSchema("long");
  fc.assert(fc.property(anyLong, (value) => {
    // From here on avsc 5.7.9 rounds: it doubles a negative number as a double.
    fc.pre(Math.abs(value) < 2 ** 52);
    assert.equal(encodeLong(value).toHex(), long.toBuffer(value).toString("hex"));
  }));
});

Deno.test("a number that is cut off asks for more bytes, one that never ends is refused", () => {
  fc.assert(fc.property(anyLong, (value) => {
    const cut = encodeLong(value).slice(0, -1);
    assert.throws(() => new Cursor(cut).long(), MoreBytes);
  }));
  assert.throws(() => new Cursor(new Uint8Array(11).fill(0xff)).long(), /more than ten bytes/);
});

Deno.test("bytes carry their length before them, and are joined in order", () => {
  assert.equal(withLength(fromHex("")).toHex(), "00");
  assert.equal(withLength(fromHex("c0ffee")).toHex(), "06c0ffee");
  assert.equal(concat([]).length, 0);
  assert.equal(concat([fromHex("01"), fromHex(""), fromHex("0203")]).toHex(), "010203");
});

Deno.test("maps come in blocks, whose sizes may be told; a length below none is refused", () => {
  for (
    const [hex, want] of [
      ["00", []],
      ["02 0261 0278 00", [["a", "x"]]],
      ["02 0261 0278 02 0262 0279 00", [["a", "x"], ["b", "y"]]],
      ["03 10 0261 0278 0262 0279 00", [["a", "x"], ["b", "y"]]],
    ] as const
  ) {
    assert.deepEqual([...new Cursor(fromHex(hex)).map()], want, hex);
  }
  assert.throws(() => new Cursor(fromHex("02 01 00")).map(), /a text of -1 bytes/);
});
