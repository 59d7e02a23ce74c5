import assert from "node:assert/strict";
import { RecentMaximum } from "../../lib/recent_maximum.ts";

Deno.test("the largest value is remembered for one window at least, and two at most", () => {
  const recent = new RecentMaximum(100);
  for (
    const [now, value, want] of [
      [0, 1, 1],
      [50, 7, 7],
      [99, 2, 7],
      [100, 3, 7],
      [149, 0, 7],
      [199, 4, 7],
      [200, 0, 4],
      [301, 0, 0],
      [302, 5, 5],
      [900, 0, 0],
    ] as const
  ) {
    assert.equal(recent.add(value, now), want, `at ${now}`);
  }
});
