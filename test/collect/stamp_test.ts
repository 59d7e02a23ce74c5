import assert from "node:assert/strict";
import fc from "fast-check";
import { Stamper } from "../../lib/collect/mod.ts";
import { FULL } from "../avro/sample_readings.ts";

Deno.test.sanitizer({ ops: true, resources: true });

function at(collectedAt: number, device = "a", name = "sunspec/103", instance: number | null = 1) {
  const source = { ...FULL.source, name, instance };
  return { ...FULL, device: { ...FULL.device, id: device }, source, collectedAt };
}

Deno.test("times of one device and source only go forward, by the least that keeps the order", () => {
  const stamper = new Stamper();
  for (
    const [reading, want] of [
      [at(1000), 1000],
      [at(1000), 1001],
      [at(2000), 2000],
      [at(500), 2001],
      [at(500), 2002],
      [at(2002), 2003],
      [at(3000), 3000],
      // Others have times of their own.
      [at(500, "b"), 500],
      [at(500, "a", "sunspec/1"), 500],
      [at(500, "a", "sunspec/103", 2), 500],
      [at(500, "a", "sunspec/103", null), 500],
    ] as const
  ) {
    assert.equal(stamper.stamp(reading).collectedAt, want);
  }
});

Deno.test("a time that is in order is left alone", () => {
  const reading = at(1000);
  assert.equal(new Stamper().stamp(reading), reading);
});

Deno.test("whatever the clock does, times are strictly increasing and never behind it", () => {
  fc.assert(fc.property(fc.array(fc.integer()), (times) => {
    const stamper = new Stamper();
    let last = Number.NEGATIVE_INFINITY;
    for (const time of times) {
      const { collectedAt } = stamper.stamp(at(time));
      assert.ok(collectedAt > last && collectedAt >= time);
      last = collectedAt;
    }
  }));
});
