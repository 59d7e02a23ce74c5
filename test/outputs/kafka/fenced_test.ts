import assert from "node:assert/strict";
import {
  leftToWait,
  parseFenced,
  seen,
  STAND_BACK_MS,
  stillFenced,
} from "../../../lib/outputs/kafka/fenced.ts";

const NOW = 1_800_000_000_000;
const OFFSETS = [{ topic: "readings", position: 7, incarnation: "other" }];

Deno.test("whoever was fenced stands back for a while, unless the clock was set back", () => {
  const at = (ago: number) => leftToWait({ at: NOW - ago, seen: null }, NOW);
  assert.equal(at(0), STAND_BACK_MS);
  assert.equal(at(STAND_BACK_MS - 1), 1);
  assert.equal(at(STAND_BACK_MS), 0);
  assert.equal(at(-1), 0);
  assert.equal(at(-1e12), 0);
});

Deno.test("it goes on standing back while anything moves, or nothing was seen before", () => {
  const fenced = { at: 1, seen: seen(OFFSETS) };
  assert.equal(stillFenced(fenced, OFFSETS, NOW), undefined);
  const moved = OFFSETS.map((offset) => ({ ...offset, position: 8 }));
  assert.deepEqual(stillFenced(fenced, moved, NOW), { at: NOW, seen: seen(moved) });
  const another = OFFSETS.map((offset) => ({ ...offset, incarnation: "third" }));
  assert.ok(stillFenced(fenced, another, NOW));
  assert.ok(stillFenced(fenced, [], NOW));
  assert.deepEqual(stillFenced({ at: 1, seen: null }, OFFSETS, NOW), {
    at: NOW,
    seen: seen(OFFSETS),
  });
  assert.equal(stillFenced({ at: 1, seen: seen([]) }, [], NOW), undefined);
});

Deno.test("a note says it, or does not", () => {
  const fenced = { at: NOW, seen: "[]" };
  assert.deepEqual(parseFenced(JSON.stringify({ topic: "x", fenced })), fenced);
  assert.deepEqual(parseFenced(JSON.stringify({ fenced: { at: 1, seen: null } })), {
    at: 1,
    seen: null,
  });
  for (
    const note of [
      ...[null, "", "7", "{}", '{"fenced":1}', '{"fenced":{"at":"1","seen":null}}'],
      '{"fenced":{"at":9000000000000000,"seen":null}}',
    ]
  ) {
    assert.equal(parseFenced(note), undefined, String(note));
  }
});
