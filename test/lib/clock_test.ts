import assert from "node:assert/strict";
import { Clock, type ClockChange } from "../../lib/clock.ts";
import { FakeClock } from "../collect/fake_clock.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const YEARS_MS = 56 * 365.25 * 86_400_000;

Deno.test("a clock that is set or synchronised is told of once, with the step", async () => {
  for (
    const [what, script, want] of [
      // [synchronised, set by ms] at each look
      ["nothing happens", [[true, 0], [true, 0]], []],
      ["a little is no step", [[true, 0], [true, 99]], []],
      ["set back", [[true, 0], [true, -3_600_000], [true, 0]], [["clock_set", -3600, true]]],
      ["set, by whom nobody knows", [[null, 0], [null, 5000]], [["clock_set", 5, null]]],
      [
        "from 1970 to now",
        [[false, 0], [false, 0], [true, YEARS_MS], [true, 0]],
        [["clock_synced", YEARS_MS / 1000, true]],
      ],
      [
        "set first, synchronised later: the whole step is told",
        [[false, 0], [false, 60_000], [true, 1500]],
        [["clock_set", 60, false], ["clock_synced", 61.5, true]],
      ],
      ["right all the time", [[false, 0], [true, 0]], [["clock_synced", 0, true]]],
      [
        "lost and found: only what was set meanwhile",
        [[true, 0], [true, 5000], [false, 0], [true, 2000]],
        [["clock_set", 5, true], ["clock_synced", 2, true]],
      ],
      ["known only later", [[null, 0], [true, 0]], []],
    ] as const
  ) {
    using fake = new FakeClock(0);
    const told: ClockChange[] = [];
    let looks = 0;
    {
      using clock = await Clock.start({
        changed: (change) => told.push(change),
        read() {
          const [synced, step] = script[Math.min(looks++, script.length - 1)] ?? [null, 0];
          if (looks <= script.length) fake.step(step);
          return Promise.resolve(synced);
        },
      });
      assert.equal(clock.synced, script[0][0], what);
      await fake.advance(script.length * 5000);
      assert.equal(clock.synced, script.at(-1)?.[0], what);
    }
    const rounded = told.map(({ event, stepSeconds, synced }) => [event, stepSeconds, synced]);
    assert.deepEqual(rounded, want, what);
    assert.equal(fake.timers, 0);
  }
});

Deno.test("a look that fails is followed by another one", async () => {
  using fake = new FakeClock();
  let looks = 0;
  using clock = await Clock.start({
    read: () => looks++ === 1 ? Promise.reject(new Error("no files")) : Promise.resolve(looks > 2),
  });
  await fake.advance(10_000);
  assert.equal(clock.synced, true);
});
