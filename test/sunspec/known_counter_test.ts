import assert from "node:assert/strict";
import fc from "fast-check";
import { type CounterState, judgeCounter } from "../../lib/sunspec/counter.ts";
import { KnownCounter } from "../../lib/sunspec/known_counter.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const reading = fc.record({
  wire: fc.oneof(fc.integer({ min: -2, max: 20 }), fc.constantFrom(0, 2 ** 32 - 2, 5000)),
  factor: fc.integer({ min: -1, max: 1 }),
});

Deno.test("a counter that is changed in place is judged as one that is made anew each time", () => {
  let wentOn = 0;
  fc.assert(
    fc.property(
      fc.array(reading, { maxLength: 12 }),
      fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined }),
      (readings, mostPerHour) => {
        let state: CounterState | undefined;
        let believed: number | undefined;
        let known: KnownCounter | undefined;
        for (const [minute, { wire, factor }] of readings.entries()) {
          const step = 10 ** factor;
          const shown = wire * step;
          const sample = { value: shown, step, top: 2 ** 32 * step, at: minute * 60_000 };
          const want = judgeCounter(state, sample, mostPerHour);
          const got = judgeCounter(known?.state, sample, mostPerHour);
          assert.deepEqual(got, want);

          const isBelieved = want.state?.good === sample;
          if (!state || isBelieved) believed = shown;
          state = want.state;
          const read = { wire, factor, value: { shown, number: shown } };
          if (known?.goesOn(sample, read, mostPerHour)) {
            assert.deepEqual([want.quality, want.event, isBelieved], [null, undefined, true]);
            wentOn++;
          } else if (!got.state) known = undefined;
          else if (!known) known = new KnownCounter(got.state, read);
          else known.take(got.state, got.state.good === sample ? read : undefined);
          assert.deepEqual(known?.state, state);
          if (known) assert.deepEqual(known.value, { shown: believed, number: believed });
        }
      },
    ),
    { numRuns: 500 },
  );
  assert.ok(wentOn > 100, `${wentOn} readings went on plainly`);
});

Deno.test("what a judge was given does not change with the counter", () => {
  const good = { value: 5, step: 1, top: undefined, at: 1 };
  const first = { good, hasMoved: true, beforeZero: undefined, doubted: undefined };
  const read = (wire: number) => ({ wire, factor: 0, value: { shown: wire, number: wire } });
  const known = new KnownCounter(first, read(5));
  const given = known.state;
  known.take({ ...first, good: { ...good, value: 6, at: 2 } }, read(6));
  assert.deepEqual(given, first);
  assert.deepEqual([good.value, known.value.number], [5, 6]);
  assert.ok(known.stands(6, 0) && !known.stands(6, 1) && !known.stands(5, 0));
});
