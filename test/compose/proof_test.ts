import assert from "node:assert/strict";
import { Proof } from "../../lib/compose/proof.ts";

type Gap = readonly [output: string, first: number, last: number];

/** What is found in these positions; a gap record stands at the last of them. */
function found(positions: readonly number[], gap?: Gap) {
  const proof = new Proof("kafka");
  const [output = "", first = 0, last = 0] = gap ?? [];
  for (const [i, position] of positions.entries()) {
    const isGap = gap !== undefined && i === positions.length - 1;
    proof.add({
      collector: "roof",
      epoch: 1,
      position,
      gap: isGap ? { output, first, last } : null,
    }, "0");
  }
  const [finding] = proof.findings();
  assert.ok(finding);
  const { holes, doubles, outOfOrder, gaps, verdict, holesAt, doublesAt } = finding;
  return { holes, doubles, outOfOrder, gaps, verdict, holesAt, doublesAt };
}

const PROVEN = {
  holes: 0,
  doubles: 0,
  outOfOrder: 0,
  gaps: 0,
  verdict: "proven",
  holesAt: [],
  doublesAt: [],
};
const NOT = { ...PROVEN, verdict: "not proven" };

Deno.test("positions are proven, or what is wrong with them is told", () => {
  for (
    const [what, positions, gap, want] of [
      ["one after the other", [1, 2, 3], undefined, PROVEN],
      ["beginning later: what is before has expired", [57, 58, 59], undefined, PROVEN],
      ["a hole", [1, 2, 5], undefined, { ...NOT, holes: 2, holesAt: [{ first: 3, last: 4 }] }],
      ["a double", [1, 2, 2, 3], undefined, { ...NOT, doubles: 1, doublesAt: [2] }],
      [
        "a batch that was sent again",
        [1, 2, 3, 2, 3, 4],
        undefined,
        { ...NOT, doubles: 2, outOfOrder: 1, doublesAt: [2, 3] },
      ],
      ["two in the wrong order", [1, 3, 2, 4], undefined, { ...NOT, outOfOrder: 1 }],
      ["a gap record's hole", [1, 2, 5], ["kafka", 3, 4], { ...PROVEN, gaps: 2 }],
      [
        "a gap record at the beginning: the first that was there",
        [3, 4],
        ["kafka", 1, 2],
        { ...PROVEN, gaps: 2 },
      ],
      [
        "a hole that a gap record excuses a part of",
        [1, 6],
        ["kafka", 2, 3],
        { ...NOT, holes: 2, gaps: 2, holesAt: [{ first: 4, last: 5 }] },
      ],
      [
        "another output's gap record excuses nothing",
        [1, 3],
        ["file", 2, 2],
        { ...NOT, holes: 1, holesAt: [{ first: 2, last: 2 }] },
      ],
      ["a gap record of readings that never got a position", [1, 2], ["kafka", 2, 1], PROVEN],
      ["a gap record of what is there all the same", [1, 2, 3], ["kafka", 2, 2], PROVEN],
    ] as const
  ) {
    assert.deepEqual(found(positions, gap), want, what);
  }
});

Deno.test("collectors and epochs are looked at apart, order within one partition", () => {
  const proof = new Proof("kafka");
  const add = (collector: string, epoch: number, position: number, at: string) =>
    proof.add({ collector, epoch, position, gap: null }, at);
  // Each of these positions would be a double, or out of order, of another.
  add("b", 1, 4, "0");
  add("a", 2, 2, "0");
  add("a", 1, 1, "0");
  add("b", 1, 3, "1");
  add("a", 1, 2, "1");
  add("a", 2, 1, "1");
  assert.deepEqual(
    proof.findings().map((
      { collector, epoch, first, last, count, verdict },
    ) => [collector, epoch, first, last, count, verdict]),
    [
      ["a", 1, 1, 2, 2, "proven"],
      ["a", 2, 1, 2, 2, "proven"],
      ["b", 1, 3, 4, 2, "proven"],
    ],
  );
});
