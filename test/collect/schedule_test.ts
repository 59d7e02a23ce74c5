import assert from "node:assert/strict";
import fc from "fast-check";
import { Schedule } from "../../lib/collect/mod.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** A schedule and a clock that is told what time it is. */
function scheduled(intervalMs: number, jitterMs = 0, random = () => 0) {
  let time = 0;
  const schedule = new Schedule({ intervalMs, jitterMs, random, now: () => time });
  return {
    /** Milliseconds that are to be waited at a time. */
    waitAt(now: number): number {
      time = now;
      return schedule.next();
    },
  };
}

Deno.test("polls fall on the multiples of the interval, and ticks that were run over are skipped", () => {
  for (
    const [what, steps] of [
      // [now, wait]
      ["aligned at the start", [[12_345, 655], [13_000, 1000], [14_000, 1000]]],
      ["exactly on a tick", [[13_000, 1000]]],
      ["no drift while polls take time", [[13_040, 960], [14_130, 870], [15_001, 999]]],
      ["a slow poll costs the ticks it ran over", [[13_000, 1000], [16_200, 800], [17_000, 1000]]],
      ["a timer that fires early", [[13_000, 1000], [13_999, 1001], [15_000, 1000]]],
      ["a timer that fires early twice", [[12_500, 500], [12_999, 1001], [13_999.5, 1000.5]]],
      ["a clock that is set forward", [[13_000, 1000], [99_100, 900], [100_000, 1000]]],
      ["a clock that is set back", [[13_000, 1000], [5_400, 600], [6_000, 1000]]],
      ["a clock that is set back onto the tick it served", [[13_000, 1000], [13_500, 1500]]],
      ["a clock before 1970", [[-1500, 500], [-1000, 1000]]],
    ] as const
  ) {
    const { waitAt } = scheduled(1000);
    for (const [now, wait] of steps) assert.equal(waitAt(now), wait, what);
  }
});

Deno.test("devices with the same interval are polled at the same moments", () => {
  fc.assert(fc.property(fc.nat(1e9), fc.nat(1e6), (first, second) => {
    const [a, b] = [scheduled(5000), scheduled(5000)];
    assert.equal((first + a.waitAt(first)) % 5000, 0);
    assert.equal((second + b.waitAt(second)) % 5000, 0);
  }));
});

Deno.test("jitter comes on top, never more than asked for, and does not add up", () => {
  const chance = [0, 0.25, 0.5, 0.999];
  let time = 13_000;
  let i = 0;
  const { waitAt } = scheduled(1000, 200, () => chance[i++ % chance.length] ?? 0);
  for (const [tick, late] of [[14_000, 0], [15_000, 50], [16_000, 100], [17_000, 199.8]] as const) {
    time += waitAt(time);
    assert.equal(time, tick + late);
  }
});

Deno.test("no wait is longer than two intervals and the jitter, whatever the clock does", () => {
  const interval = fc.integer({ min: 10, max: 86_400_000 });
  const times = fc.array(fc.integer({ min: 0, max: 4_102_444_800_000 }), { minLength: 1 });
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(interval, fc.nat(5000), times, chance, (intervalMs, jitterMs, nows, random) => {
      const { waitAt } = scheduled(intervalMs, jitterMs, () => random);
      for (const now of nows) {
        const wait = waitAt(now);
        assert.ok(wait > 0 && wait <= 2 * intervalMs + jitterMs, `${wait} ms`);
      }
    }),
  );
});
