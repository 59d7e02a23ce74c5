import assert from "node:assert/strict";
import fc from "fast-check";
import { Schedule } from "../../lib/collect/mod.ts";
import { FakeClock } from "./fake_clock.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** A schedule on a clock that is told what time it is. */
function scheduled(clock: FakeClock, intervalMs: number, jitterMs = 0, random = () => 0) {
  const schedule = new Schedule({ intervalMs, jitterMs, random, now: clock.now });
  return {
    /** Milliseconds to be waited at a time on the wall, `elapsed` since the beginning. */
    waitAt(now: number, elapsed: number = now): number {
      clock.set(now, elapsed);
      return schedule.next();
    },
  };
}

Deno.test("polls fall on the multiples of the interval, and ticks that were run over are skipped", () => {
  using clock = new FakeClock();
  for (
    const [what, steps] of [
      // [now, wait, time that has really passed]
      ["aligned at the start", [[12_345, 655], [13_000, 1000], [14_000, 1000]]],
      ["exactly on a tick", [[13_000, 1000]]],
      ["no drift while polls take time", [[13_040, 960], [14_130, 870], [15_001, 999]]],
      ["a slow poll costs the ticks it ran over", [[13_000, 1000], [16_200, 800], [17_000, 1000]]],
      ["a timer that fires early", [[13_000, 1000], [13_999, 1001], [15_000, 1000]]],
      ["a timer that fires early twice", [[12_500, 500], [12_999, 1001], [13_999.5, 1000.5]]],
      ["a clock that is set forward", [[13_000, 1000, 0], [99_100, 900, 1000]]],
      ["a clock that is set forward to just before a tick", [
        [13_000, 1000, 0],
        [99_990, 1010, 1000],
        [101_000, 1000, 2010],
      ]],
      ["a clock that is set back", [[13_000, 1000, 0], [5_400, 600, 1000], [6_000, 1000, 1600]]],
      ["a clock that is set back to just before a tick", [[13_000, 1000, 0], [13_990, 1010, 1000]]],
      ["a clock before 1970", [[-1500, 500], [-1000, 1000]]],
    ] as const
  ) {
    const { waitAt } = scheduled(clock, 1000);
    for (const [now, wait, elapsed] of steps) assert.equal(waitAt(now, elapsed), wait, what);
  }
});

Deno.test("devices with the same interval are polled at the same moments", () => {
  using clock = new FakeClock();
  fc.assert(fc.property(fc.nat(1e9), fc.nat(1e6), (first, second) => {
    const [a, b] = [scheduled(clock, 5000), scheduled(clock, 5000)];
    assert.equal((first + a.waitAt(first)) % 5000, 0);
    assert.equal((second + b.waitAt(second)) % 5000, 0);
  }));
});

Deno.test("jitter comes on top, never more than asked for, and does not add up", () => {
  using clock = new FakeClock();
  const chance = [0, 0.25, 0.5, 0.999];
  let time = 13_000;
  let i = 0;
  const { waitAt } = scheduled(clock, 1000, 200, () => chance[i++ % chance.length] ?? 0);
  for (const [tick, late] of [[14_000, 0], [15_000, 50], [16_000, 100], [17_000, 199.8]] as const) {
    time += waitAt(time);
    assert.equal(time, tick + late);
  }
});

Deno.test("a clock that is set before every poll brings neither a storm nor a silence", () => {
  const interval = fc.integer({ min: 10, max: 86_400_000 });
  const times = fc.array(fc.integer({ min: -1e12, max: 4_102_444_800_000 }), { minLength: 2 });
  using clock = new FakeClock();
  fc.assert(
    fc.property(interval, times, (intervalMs, nows) => {
      const { waitAt } = scheduled(clock, intervalMs);
      let elapsed = 0;
      for (const [i, now] of nows.entries()) {
        const wait = waitAt(now, elapsed);
        elapsed += wait;
        assert.ok(wait > 0 && wait <= 1.5 * intervalMs, `${wait} ms`);
        assert.ok(i === 0 || wait >= intervalMs / 2, `${wait} ms`);
      }
    }),
  );
});
