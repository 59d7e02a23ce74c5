import assert from "node:assert/strict";
import fc from "fast-check";
import { Intervals } from "../../lib/intervals.ts";

/** The same, number by number. */
function numbersOf(intervals: Iterable<{ first: number; last: number }>): number[] {
  return [...intervals].flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i)
  );
}

Deno.test("any intervals in any order are the numbers that are in them, and no others", () => {
  const span = fc.tuple(fc.nat(40), fc.nat(8)).map(([first, more]) => [first, first + more]);
  fc.assert(fc.property(fc.array(span, { maxLength: 20 }), span, (spans, [from = 0, to = 0]) => {
    const intervals = new Intervals();
    const numbers = new Set<number>();
    for (const [first = 0, last = 0] of spans) {
      const before = numbers.size;
      for (let n = first; n <= last; n++) numbers.add(n);
      assert.equal(intervals.add(first, last), numbers.size - before);
    }
    assert.deepEqual(numbersOf(intervals.all), [...numbers].sort((a, b) => a - b));
    assert.equal(intervals.size, numbers.size);
    const missing = numbersOf([{ first: from, last: to }]).filter((n) => !numbers.has(n));
    assert.deepEqual(numbersOf(intervals.holes(from, to)), missing);
    // Between two intervals there is something missing.
    intervals.all.forEach(({ first }, i) =>
      assert.ok(first > (intervals.all[i - 1]?.last ?? -2) + 1)
    );
  }));
});

Deno.test("numbers in order take one interval, however many they are", () => {
  const intervals = new Intervals();
  for (let n = 1; n <= 100_000; n++) intervals.add(n);
  assert.deepEqual(intervals.all, [{ first: 1, last: 100_000 }]);
});

Deno.test("what would fill the memory is refused", () => {
  const intervals = new Intervals();
  assert.throws(() => {
    for (let n = 0; n < 1_000_000; n += 2) intervals.add(n);
  }, /more than 200000 holes/);
});
