import assert from "node:assert/strict";
import * as library from "../../lib/cli/library.ts";
import {
  choice,
  endpointValue,
  integer,
  millisecondsValue,
  unitIdsValue,
  value,
} from "../../lib/cli/values.ts";

Deno.test("milliseconds are written 500, 500ms or 2s", () => {
  for (
    const [text, want] of [
      ["1", 1],
      ["500", 500],
      ["500ms", 500],
      ["2s", 2000],
      ["86400s", 86_400_000],
    ] as const
  ) {
    assert.equal(millisecondsValue.parse(text), want);
  }
  for (const text of ["", "0", "0s", "1.5s", "-1", "5m", "2 s", "86401s", "s", "1e3"]) {
    const message = `"${text}" is no time: write 500, 500ms or 2s`;
    assert.throws(() => millisecondsValue.parse(text), { message });
  }
});

Deno.test("unit ids and endpoints are parsed where they are given", () => {
  assert.deepEqual(unitIdsValue.parse("1,3-4"), [1, 3, 4]);
  assert.equal(unitIdsValue.format("auto"), "auto");
  assert.equal(unitIdsValue.format([1, 3]), "1,3");
  assert.deepEqual(endpointValue.parse("meter"), { scheme: "tcp", host: "meter", port: 502 });
  assert.throws(() => endpointValue.parse("a b"), /^\w*Error: Cannot use endpoint "a b"/);
});

Deno.test("whole numbers and choices are taken as the options library takes them", () => {
  for (const text of ["0", "1", "007", "65535", "65536", "1.0", "1e2", "+1", " 1", "x", ""]) {
    assertAlike(integer({ min: 1, max: 65_535 }), text);
  }
  for (const text of ["csv", "CSV", "json", "js", " csv", ""]) {
    assertAlike(choice(["csv", "json"], { metavar: "FORMAT" }), text);
  }
});

/** Both take a text, for the same value, or neither does. */
function assertAlike(own: ReturnType<typeof integer | typeof choice>, text: string): void {
  const theirs = own.build(library).parse(text);
  if (theirs.success) assert.deepEqual(own.parse(text), theirs.value, text);
  else assert.throws(() => own.parse(text), text);
}

Deno.test("what a parser of ours throws becomes the refusal", () => {
  const even = value("EVEN", "2", (text) => {
    if (Number(text) % 2 !== 0) throw new Error(`"${text}" is odd`);
    return Number(text);
  }).build(library);
  assert.deepEqual(even.parse("4"), { success: true, value: 4 });
  assert.deepEqual(even.parse("3"), {
    success: false,
    error: [{ type: "text", text: '"3" is odd' }],
  });
});
