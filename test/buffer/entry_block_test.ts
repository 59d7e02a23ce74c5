import assert from "node:assert/strict";
import { fromBlock, toBlock, transferOf } from "../../lib/buffer/entry_block.ts";
import type { Entry } from "../../lib/core/mod.ts";
import { bytes } from "./buffer_folder.ts";

const ENTRIES: readonly Entry[] = [
  {
    position: 1,
    topic: "roofs",
    payload: bytes("first"),
    createdAt: 1_763_694_000_123,
    schema: "s1",
    clockSynced: null,
  },
  {
    position: 2 ** 40,
    topic: "barns",
    payload: bytes(""),
    createdAt: 0,
    schema: "s2",
    clockSynced: true,
    numbers: Uint32Array.of(),
  },
  {
    position: 3,
    topic: "roofs",
    payload: bytes("the third"),
    createdAt: 7,
    schema: "s2",
    clockSynced: false,
    numbers: Uint32Array.of(0, 1),
  },
];

Deno.test("entries come out of a block as they went in, on the other side of a thread too", () => {
  const block = toBlock(ENTRIES);
  const there = structuredClone(block, { transfer: transferOf(block) });
  assert.equal(block.payloads.length, 0, "handed over, not copied");
  assert.deepEqual(fromBlock(there), ENTRIES);
  assert.deepEqual(fromBlock(toBlock([])), []);
});

Deno.test("what is put into a block stays whole: only its copy is handed over", () => {
  const payload = bytes("mine");
  const block = toBlock([{ schema: "s1", payload, createdAt: 1, clockSynced: null }]);
  structuredClone(block, { transfer: transferOf(block) });
  assert.equal(new TextDecoder().decode(payload), "mine");
});
