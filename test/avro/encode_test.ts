import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import avro from "avsc";
import fc from "fast-check";
import { encodeBody, eventReading, gapReading } from "../../lib/avro/mod.ts";
import { BODY_SCHEMA } from "../../lib/avro/schema.ts";
import type { Reading } from "../../lib/core/mod.ts";
import { anyReading, BARE, FULL, GAP, plain, recordOf } from "./sample_readings.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const bodyType = avro.Type.forSchema(JSON.parse(BODY_SCHEMA));

/** The body as avsc reads it, and what it should read. */
function bothWays(reading: Reading) {
  const { collector: _c, epoch: _e, position: _p, ...want } = recordOf(
    { collector: "", epoch: 0, position: 0 },
    reading,
  );
  return [plain(bodyType.fromBuffer(Buffer.from(encodeBody(reading)))), want] as const;
}

Deno.test("encodeBody() keeps everything that is to be delivered", () => {
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
