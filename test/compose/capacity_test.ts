import assert from "node:assert/strict";
import { Capacity, humanTime } from "../../lib/compose/capacity.ts";

const payloads = (count: number, bytes: number) =>
  Array.from({ length: count }, () => ({ payload: new Uint8Array(bytes) }));

Deno.test("the buffer's size and what was stored so far say how long an outage it holds", () => {
  const capacity = new Capacity(1_000_000, 10_000);
  assert.equal(capacity.seconds(60_000), undefined, "nothing is stored yet");
  capacity.add(payloads(10, 910));
  assert.equal(capacity.seconds(12_000), undefined, "two seconds are too few");
  // Ten rows of 910 + 90 bytes in ten seconds are 1000 bytes a second.
  assert.equal(capacity.seconds(20_000), 1000);
  capacity.add(payloads(10, 910));
  assert.equal(capacity.seconds(20_000), 500);
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
