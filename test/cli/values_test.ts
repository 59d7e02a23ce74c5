import assert from "node:assert/strict";
import { endpointValue, millisecondsValue, unitIdsValue, value } from "../../lib/cli/values.ts";

type Parsed = ReturnType<typeof millisecondsValue.parse>;

/** The text of a refusal. */
function refusal(result: Parsed | ReturnType<typeof endpointValue.parse>): string {
  assert.equal(result.success, false);
  return result.success ? "" : result.error.map((part) => "text" in part ? part.text : "").join("");
}

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
    assert.deepEqual(millisecondsValue.parse(text), { success: true, value: want });
  }
  for (const text of ["", "0", "0s", "1.5s", "-1", "5m", "2 s", "86401s", "s", "1e3"]) {
    const want = `"${text}" is no time: write 500, 500ms or 2s`;
    assert.equal(refusal(millisecondsValue.parse(text)), want);
  }
});

Deno.test("unit ids and endpoints are parsed where they are given", () => {
  assert.deepEqual(unitIdsValue.parse("1,3-4"), { success: true, value: [1, 3, 4] });
  assert.equal(unitIdsValue.format("auto"), "auto");
  assert.equal(unitIdsValue.format([1, 3]), "1,3");
  const parsed = endpointValue.parse("meter");
  assert.deepEqual(parsed, { success: true, value: { scheme: "tcp", host: "meter", port: 502 } });
  assert.match(refusal(endpointValue.parse("a b")), /^Cannot use endpoint "a b"/);
});

Deno.test("what a parser of ours throws becomes the refusal", () => {
  const even = value("EVEN", "2", (text) => {
    if (Number(text) % 2 !== 0) throw new Error(`"${text}" is odd`);
    return Number(text);
  });
  assert.deepEqual(even.parse("4"), { success: true, value: 4 });
  assert.equal(refusal(even.parse("3")), '"3" is odd');
});
