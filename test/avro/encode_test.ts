import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import avro from "avsc";
import fc from "fast-check";
import { encodeReading, eventReading, gapReading } from "../../lib/avro/mod.ts";
import { BODY_SCHEMA } from "../../lib/avro/schema.ts";
import type { Reading } from "../../lib/core/mod.ts";
import { anyReading, BARE, FULL, GAP, plain, pointsOfFew, recordOf } from "./sample_readings.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const bodyType = avro.Type.forSchema(JSON.parse(BODY_SCHEMA));

/** The body as avsc reads it, and what it should read. */
function bothWays(reading: Reading) {
  const { collector: _c, epoch: _e, position: _p, ...want } = recordOf(
    { collector: "", epoch: 0, position: 0 },
    reading,
  );
  return [plain(bodyType.fromBuffer(Buffer.from(encodeReading(reading).payload))), want] as const;
}

Deno.test("encodeReading() keeps everything that is to be delivered", () => {
  for (const reading of [FULL, BARE, gapReading("roof", GAP)]) {
    const [got, want] = bothWays(reading);
    assert.deepEqual(got, want);
  }
});

Deno.test("any reading comes back as it was", () => {
  fc.assert(fc.property(anyReading, (reading) => {
    const [got, want] = bothWays(reading);
    assert.deepEqual(got, want);
  }));
});

/** The body in hexadecimal digits, as avsc encodes it. */
function encodedByAvsc(reading: Reading): string {
  const { collector: _c, epoch: _e, position: _p, ...record } = recordOf(
    { collector: "", epoch: 0, position: 0 },
    reading,
  );
  const registers = reading.registers && Buffer.from(reading.registers);
  return bodyType.toBuffer({ ...record, registers }).toHex();
}

Deno.test("a body is byte for byte what avsc makes of it", () => {
  fc.assert(fc.property(anyReading, (reading) => {
    assert.equal(encodeReading(reading).payload.toHex(), encodedByAvsc(reading));
  }));
});

Deno.test("points that are like earlier ones, in whatever order, are encoded like any others", () => {
  fc.assert(fc.property(fc.array(pointsOfFew, { maxLength: 20 }), (all) => {
    for (const points of all) {
      const { payload, numbers } = encodeReading({ ...BARE, points });
      assert.equal(payload.toHex(), encodedByAvsc({ ...BARE, points }));
      const bytes = Buffer.from(payload);
      const values = [...numbers.subarray(1)].map((at) => bytes.readDoubleLE(at));
      assert.deepEqual(values, points.flatMap(({ value }) => value ?? []));
    }
  }));
});

Deno.test("more different points than are remembered are encoded like any others", () => {
  const shared = FULL.points.slice(0, 2);
  for (let i = 0; i < 300; i++) {
    const text = "x".repeat(500) + i;
    const own = { name: `Nam${i % 3}`, value: null, text, unit: null, quality: null };
    const reading = { ...BARE, points: [...shared, own, ...shared] };
    assert.equal(encodeReading(reading).payload.toHex(), encodedByAvsc(reading));
  }
});

Deno.test("the places of numbers are those of the time and the values, in eight bytes each", () => {
  const { payload, numbers } = encodeReading(FULL);
  const bytes = Buffer.from(payload);
  const [time, ...values] = numbers;
  assert.deepEqual(
    values.map((at) => bytes.readDoubleLE(at)),
    FULL.points.flatMap(({ value }) => value ?? []),
  );
  const later = encodeReading({ ...FULL, collectedAt: FULL.collectedAt + 1 }).payload;
  const changed = [...payload.keys()].filter((at) => payload[at] !== later[at]);
  assert.deepEqual(changed, [time], "the lowest byte of the time comes first");
});

Deno.test("registers are numbers too, all of them that are eight bytes or more", () => {
  for (const [length, want] of [[0, 0], [6, 0], [8, 1], [16, 2], [20, 3], [104, 13]] as const) {
    const registers = Uint8Array.from({ length }, (_, i) => i + 1);
    const { payload, numbers } = encodeReading({ ...BARE, registers });
    const found = numbers.subarray(1);
    assert.equal(found.length, want);
    const covered = new Set([...found].flatMap((at) => [...payload.subarray(at, at + 8)]));
    assert.equal(covered.size, length < 8 ? 0 : length);
  }
});

Deno.test("a number that is none is refused, not made into another one", () => {
  for (const collectedAt of [0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => encodeReading({ ...BARE, collectedAt }).payload, RangeError);
  }
});

Deno.test("registers are encoded from the view they are, not from the buffer behind it", () => {
  const behind = Uint8Array.of(9, 9, 1, 2, 3, 4, 9);
  const [got] = bothWays({ ...FULL, registers: behind.subarray(2, 6) });
  assert.equal(Reflect.get(Object(got), "registers"), "01020304");
});

Deno.test("a gap record tells which rows are missing, as of the last of them", () => {
  const reading = gapReading("roof", GAP);
  assert.deepEqual(
    [reading.kind, reading.source.name, reading.device.id, reading.collectedAt, reading.points],
    ["gap", "collector/gap", "roof", GAP.to, []],
  );
  assert.deepEqual(reading.gap, GAP);
});

Deno.test("an event has a word for programs and a sentence for people", () => {
  const reading = eventReading("roof", "epoch_changed", "kafka: replaced", 7_000_000);
  assert.deepEqual(
    [reading.kind, reading.source.name, reading.device.id, reading.collectedAt, reading.gap],
    ["event", "collector/event", "roof", 7_000_000, null],
  );
  assert.deepEqual(
    reading.points.map(({ name, text, value }) => [name, text, value]),
    [["event", "epoch_changed", null], ["message", "kafka: replaced", null]],
  );
});

Deno.test("what was encoded stays as it is whatever is encoded after it", () => {
  const readings = Array.from({ length: 500 }, (_, i) => ({ ...FULL, collectedAt: i * 1e13 }));
  const encoded = readings.map((reading) => encodeReading(reading));
  for (const [i, { payload, numbers }] of encoded.entries()) {
    const alone = encodeReading(readings[i] ?? BARE);
    assert.equal(payload.toHex(), alone.payload.toHex());
    assert.deepEqual([...numbers], [...alone.numbers]);
  }
});

Deno.test("a reading that cannot be encoded leaves nothing behind", () => {
  const want = encodeReading(FULL);
  assert.throws(() => encodeReading({ ...FULL, collectedAt: 0.5 }), RangeError);
  const got = encodeReading(FULL);
  assert.equal(got.payload.toHex(), want.payload.toHex());
  assert.deepEqual([...got.numbers], [...want.numbers]);
});

Deno.test("a reading larger than any array is encoded whole", () => {
  const registers = new Uint8Array(100_000).map((_, i) => i);
  const { payload, numbers } = encodeReading({ ...FULL, registers });
  const at = payload.length - registers.length;
  assert.equal(numbers.at(-1), payload.toHex().lastIndexOf(registers.slice(-8).toHex()) / 2);
  assert.ok(at > 0 && payload.toHex().includes(registers.toHex()));
});
