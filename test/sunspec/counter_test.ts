import assert from "node:assert/strict";
import fc from "fast-check";
import { type CounterState, judgeCounter } from "../../lib/sunspec/counter.ts";

/** What a counter's readings, a minute apart, are worth: `held`, `implausible`, ok or an event. */
function judged(
  values: readonly (number | readonly [value: number, step: number])[],
  options: { readonly range?: number; readonly mostPerHour?: number } = {},
): string[] {
  let state: CounterState | undefined;
  return values.map((entry, minute) => {
    const [value, step] = typeof entry === "number" ? [entry, 1] : entry;
    const top = options.range === undefined ? undefined : options.range * step;
    const sample = { value, step, top, at: minute * 60_000 };
    const verdict = judgeCounter(state, sample, options.mostPerHour);
    state = verdict.state;
    return verdict.event ?? verdict.quality ?? "ok";
  });
}

Deno.test("a counter that fell is held until three polls in a row agree", () => {
  const held = "counter_held";
  for (
    const [values, want] of [
      [[1000, 1001, 1001, 1005], ["ok", "ok", "ok", "ok"]],
      // Zero at dawn, once or twice, then as before.
      [[1000, 0, 1001], ["ok", held, "ok"]],
      [[1000, 0, 0, 1000, 0, 0, 1001], ["ok", held, held, "ok", held, held, "ok"]],
      [[1000, 0, 0, 0, 0, 1001], ["ok", held, held, "counter_reset", "ok", "ok"]],
      [[1000, 0, 0, 0, 3, 4], ["ok", held, held, "counter_reset", "ok", "ok"]],
      [[1000, 3, 4, 5, 6], ["ok", held, held, "counter_reset", "ok"]],
      // Rubbish that does not agree with itself.
      [[1000, 700, 20, 600, 3, 1002], ["ok", held, held, held, held, "ok"]],
      [[1000, 0, 0, 999, 1000], ["ok", held, held, "counter_reset", "ok"]],
      [[0, 0, 5], ["ok", "ok", "ok"]],
    ] as const
  ) {
    assert.deepEqual(judged(values), want, String(values));
  }
});

Deno.test("a counter that began anew at the end of its range is told from one that fell", () => {
  const range = 65_536;
  for (
    const [values, want] of [
      [[65_000, 65_530, 4, 9], ["ok", "ok", "counter_wrap", "ok"]],
      [[65_530, 0, 12], ["ok", "counter_held", "counter_wrap"]],
      [[60_000, 4], ["ok", "counter_held"]],
      [[65_530, 2000], ["ok", "counter_held"]],
      // The scale moved with it: nobody can say.
      [[65_530, [40, 10]], ["ok", "counter_held"]],
    ] as const
  ) {
    assert.deepEqual(judged(values, { range }), want, String(values));
  }
  assert.deepEqual(judged([65_530, 4]), ["ok", "counter_held"], "no range, no wrap");
});

Deno.test("a rise beyond what the device can do is implausible, and believed when it stays", () => {
  const mostPerHour = 6000;
  for (
    const [values, want] of [
      [[1000, 1050, 1150, 1250], ["ok", "ok", "ok", "ok"]],
      [[1000, 1050, 9_000_000, 1150], ["ok", "ok", "implausible", "ok"]],
      [[1000, 1050, 9000, 9001, 9002, 9003], [
        "ok",
        "ok",
        "implausible",
        "implausible",
        "counter_jump",
        "ok",
      ]],
      [[1000, 1050, 9000, 1, 9000, 1, 1300], [
        "ok",
        "ok",
        "implausible",
        "counter_held",
        "implausible",
        "counter_held",
        "ok",
      ]],
      // A night at 0, and rubbish before it is awake.
      [[1000, 1050, 0, 0, 0, 0, 1100], [
        ...["ok", "ok", "counter_held", "counter_held", "counter_reset", "ok", "ok"],
      ]],
      [[1000, 1050, 0, 0, 0, 9_000_000, 1100], [
        ...["ok", "ok", "counter_held", "counter_held", "counter_reset", "implausible", "ok"],
      ]],
      // It moves in its own steps: since when it stands is not known before it has moved.
      [[1000, 9000, 9000], ["ok", "ok", "ok"]],
      [[1000, 1001, 1001, 1001, 1001, 1600], ["ok", "ok", "ok", "ok", "ok", "ok"]],
    ] as const
  ) {
    assert.deepEqual(judged(values, { mostPerHour }), want, String(values));
  }
});

Deno.test("a scale that becomes coarser rounds, and is no fall", () => {
  assert.deepEqual(judged([12_345, [12_340, 10], [12_350, 10], 12_351]), Array(4).fill("ok"));
  assert.deepEqual(judged([12_345, [12_330, 10]]), ["ok", "counter_held"]);
});

Deno.test("a counter that runs within its limit is never doubted, however its scale moves", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ rise: fc.nat(100), digits: fc.nat(3) }), { minLength: 1, maxLength: 30 }),
    (polls) => {
      let value = 1_000_000;
      const values = polls.map(({ rise, digits }): readonly [number, number] => {
        value += rise;
        const step = 10 ** digits;
        return [Math.round(value / step) * step, step];
      });
      const verdicts = judged(values, { range: 2 ** 32, mostPerHour: 6000 });
      assert.deepEqual(verdicts, values.map(() => "ok"));
    },
  ));
});
