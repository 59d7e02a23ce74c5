import assert from "node:assert/strict";
import { Expected } from "../e2e/expected.ts";
import type { Delivered } from "./delivered.ts";
import { judge, type Verdict } from "./judge.ts";

const ENDPOINT = "127.1.2.3:502";
const devices = {
  endpoints: [ENDPOINT],
  expected: await Expected.of(["1,103"]),
  served: Array.from({ length: 20 }, (_, n) => 10 + n),
};

/** Reading `position` as it was committed: state `position` of those that were served. */
function reading(position: number, changes: Partial<Delivered> & { n?: number } = {}): Delivered {
  const { n = 10 + position, ...rest } = changes;
  return {
    epoch: 1,
    position,
    kind: "reading",
    key: keyOf(position),
    endpoint: ENDPOINT,
    unitId: 1,
    modelId: 103,
    source: "sunspec/103",
    collectedAt: position,
    record: { points: devices.expected.points(0, 1, 103, n) },
    gap: null,
    ...rest,
  };
}

function keyOf(position: number): string {
  return `device sunspec/103 1 ${position}`;
}

function gap(position: number, first: number, last: number, output = "file"): Delivered {
  const told = { output, first, last, count: last - first + 1 };
  return reading(position, { kind: "gap", key: `roof collector/gap  ${position}`, gap: told });
}

const committed = [1, 2, 3, 4, 5].map(keyOf);

/** What is delivered, and the faults that are to be seen. */
const CASES: readonly (readonly [string, readonly Delivered[], Partial<Verdict>])[] = [
  ["all", [1, 2, 3, 4, 5].map((at) => reading(at)), {}],
  ["more than was heard of", [1, 2, 3, 4, 5, 6].map((at) => reading(at)), {}],
  ["not the last", [1, 2, 3, 4].map((at) => reading(at)), { lost: 1 }],
  ["not the first", [2, 3, 4, 5].map((at) => reading(at)), { lost: 1 }],
  ["nothing", [], { lost: 5 }],
  ["two less, of which a gap tells", [
    ...[1, 4, 5].map((at) => reading(at)),
    gap(6, 2, 3),
  ], { gapsRecorded: 2 }],
  ["two less, of which a gap tells of one", [
    ...[1, 4, 5].map((at) => reading(at)),
    gap(6, 2, 2),
  ], { lost: 1, gapsRecorded: 1 }],
  ["two less, of which a gap tells another output", [
    ...[1, 4, 5].map((at) => reading(at)),
    gap(6, 2, 3, "kafka"),
  ], { lost: 2 }],
  ["a gap of others does not excuse the last", [
    reading(1),
    ...[4].map((at) => reading(at)),
    gap(6, 2, 3),
  ], { lost: 1, gapsRecorded: 2 }],
  ["told of as lost, and there", [
    ...[1, 2, 3, 4, 5].map((at) => reading(at)),
    gap(6, 2, 3),
  ], { wrong: 2, gapsRecorded: 2 }],
  ["one twice", [1, 2, 2, 3, 4, 5].map((at) => reading(at)), { twice: 1, wrong: 1 }],
  ["one again under another position", [
    ...[1, 2, 3, 4, 5].map((at) => reading(at)),
    reading(6, { key: keyOf(5) }),
  ], { twice: 1 }],
  ["a value of another state, further back", [
    ...[1, 2, 3, 4].map((at) => reading(at)),
    reading(5, { n: 11 }),
  ], { wrong: 1 }],
  ["a state that was never served", [
    ...[1, 2, 3, 4].map((at) => reading(at)),
    reading(5, { n: 1000 }),
  ], { wrong: 1 }],
  ["a device that nobody has", [
    ...[1, 2, 3, 4].map((at) => reading(at)),
    reading(5, { endpoint: "127.1.2.4:502" }),
  ], { wrong: 1 }],
  ["times that go back", [
    ...[1, 2, 3, 4].map((at) => reading(at)),
    reading(5, { collectedAt: 3 }),
  ], { wrong: 1 }],
];

Deno.test("the judge sees what is lost, there twice, wrong or out of order, and nothing else", () => {
  for (const [what, delivered, want] of CASES) {
    const { lost, twice, wrong, gapsRecorded, faults } = judge({
      committed,
      delivered,
      devices,
      output: "file",
    });
    const expected = { lost: 0, twice: 0, wrong: 0, gapsRecorded: 0, ...want };
    assert.deepEqual({ lost, twice, wrong, gapsRecorded }, expected, what);
    assert.equal(faults.length > 0, lost + twice + wrong > 0, what);
  }
});
