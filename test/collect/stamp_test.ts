import assert from "node:assert/strict";
import fc from "fast-check";
import { Stamper } from "../../lib/collect/mod.ts";
import { FULL } from "../avro/sample_readings.ts";

Deno.test.sanitizer({ ops: true, resources: true });

function at(collectedAt: number, device = "a", name = "sunspec/103", instance: number | null = 1) {
  const source = { ...FULL.source, name, instance };
  return { ...FULL, device: { ...FULL.device, id: device }, source, collectedAt };
}

function stamping(after = Number.NEGATIVE_INFINITY, synced: boolean | null = true): Stamper {
  return new Stamper({ after, synced: () => synced });
}

Deno.test("times of one device and source only go forward, by the least that keeps the order", () => {
  const stamper = stamping();
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

Deno.test("every device's times come behind those of earlier runs", () => {
  const stamper = stamping(1999);
  for (
    const [reading, want] of [
      [at(500), 2000],
      [at(600), 2001],
      [at(1999, "b"), 2000],
      [at(2500, "c"), 2500],
    ] as const
  ) {
    assert.equal(stamper.stamp(reading).collectedAt, want);
  }
});

Deno.test("a time that is in order is left alone, and as good as the clock is", () => {
  for (const synced of [true, false, null]) {
    const stamped = stamping(0, synced).stamp(at(1000));
    assert.deepEqual(stamped, { ...at(1000), clockSynced: synced });
  }
});

Deno.test("a clock that was set back vouches for no time until it has caught up", () => {
  const stamper = stamping(7999);
  const times = [5000, 6000, 7000, 8000, 8000, 8000, 7000, 9000];
  const vouched = times.map((time) => stamper.stamp(at(time)).clockSynced);
  assert.deepEqual(vouched, [false, false, false, true, true, true, false, true]);
});

Deno.test("whatever the clock does, times are strictly increasing and never behind it", () => {
  fc.assert(fc.property(fc.integer(), fc.array(fc.integer()), (after, times) => {
    const stamper = stamping(after);
    let last = after;
    for (const time of times) {
      const { collectedAt } = stamper.stamp(at(time));
      assert.ok(collectedAt > last && collectedAt >= time);
      last = collectedAt;
    }
  }));
});
