import assert from "node:assert/strict";
import { Capacity, humanTime } from "../../lib/compose/capacity.ts";

Deno.test("the buffer's size and what was stored so far say how long an outage it holds", () => {
  const capacity = new Capacity(1_000_000, 10_000);
  assert.equal(capacity.seconds(50_000, 12_900), undefined, "what comes first says little");
  assert.equal(capacity.seconds(50_000, 14_000), undefined);
  assert.equal(capacity.seconds(50_000, 30_000), undefined, "nothing is stored since");
  assert.equal(capacity.seconds(52_000, 16_000), undefined, "two seconds are too few");
  // 10,000 bytes in ten seconds.
  assert.equal(capacity.seconds(60_000, 24_000), 1000);
  assert.equal(capacity.seconds(70_000, 24_000), 500);
});

Deno.test("a length of time is told in the unit that people would use", () => {
  for (
    const [seconds, want] of [
      [0, "0 seconds"],
      [119.9, "119 seconds"],
      [120, "2 minutes"],
      [7199, "119 minutes"],
      [7200, "2 hours"],
      [172_799, "47 hours"],
      [172_800, "2 days"],
      [2_592_000, "30 days"],
    ] as const
  ) {
    assert.equal(humanTime(seconds), want);
  }
});
