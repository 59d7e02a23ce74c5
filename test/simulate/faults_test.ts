import assert from "node:assert/strict";
import { faultTypes, parseFault } from "../../lib/simulate/mod.ts";

Deno.test("a fault is a name, a value and a share", () => {
  for (
    const text of [
      ...["late", "late=200", "late=200%10", "twice%50", "slots=2:ignore", "cap=64:silence"],
      ...["cap=80:2", "exception=11", "only-fc=4", "end=silence", "length=714:93", "firmware=5"],
      ...["night=3-9", "idle=4000", "pause", "connect-pause=100", "reorder", "scale", "counter=5"],
    ]
  ) {
    assert.ok(parseFault(text, () => 0), text);
  }
});

Deno.test("what is no fault is refused, with what it should be", () => {
  for (
    const [text, why] of [
      ["nonsense", /there are slots, idle, /],
      ["late=soon", /write it as late=MS \(1500\)/],
      ["late=0", /write it as late=/],
      ["twice=2", /write it as twice/],
      ["twice%0", /%SHARE as %10/],
      ["twice%101", /%SHARE as %10/],
      ["length=714", /write it as length=ID:L/],
      ["cap=50:7", /write it as cap=/],
      ["end=never", /write it as end=zero/],
      ["night=9", /write it as night=FROM-TO/],
      ["", /there are/],
    ] as const
  ) {
    assert.throws(() => parseFault(text, () => 0), why, text);
  }
});

Deno.test("a share hits as often as it says", () => {
  const draws = [0.05, 0.5, 0.09, 0.11];
  const fault = parseFault("exception=6%10", () => draws.shift() ?? 1);
  const read = { unitId: 1, functionCode: 3, address: 0, quantity: 1 };
  const answers = Array.from({ length: 4 }, () => fault.answer?.(read, () => 0, 0));
  assert.deepEqual(answers, [6, 0, 6, 0]);
});

Deno.test("every kind of fault has a word, a form and a meaning of its own", () => {
  const names = faultTypes.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, summary } of faultTypes) {
    assert.match(name, /^[a-z-]+$/);
    assert.ok(summary.length > 10, name);
  }
});
