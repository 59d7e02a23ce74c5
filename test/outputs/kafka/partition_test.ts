import assert from "node:assert/strict";
import { committed, type RawMessage } from "../../../lib/outputs/kafka/partition.ts";

/** A record of a producer's transaction; `n` writes none. */
function record(offset: number, producerId: string, more: Partial<RawMessage> = {}): RawMessage {
  return {
    offset: String(offset),
    key: null,
    value: null,
    headers: {},
    isControlRecord: false,
    batchContext: { producerId, inTransaction: producerId !== "n" },
    ...more,
  };
}

const marker = (offset: number, producerId: string) =>
  record(offset, producerId, { isControlRecord: true });

const aborted = (producerId: string, firstOffset: number) => ({
  producerId,
  firstOffset: String(firstOffset),
});

Deno.test("control records and what was undone are left out", () => {
  for (
    const [what, messages, undone, want] of [
      ["nothing was undone", [record(0, "a"), marker(1, "a")], [], [0]],
      ["records without a transaction", [record(0, "n"), record(1, "n")], [], [0, 1]],
      ["one that was undone", [record(0, "a"), marker(1, "a")], [aborted("a", 0)], []],
      [
        "one that was undone, then one that was not",
        [record(0, "a"), marker(1, "a"), record(2, "a"), marker(3, "a")],
        [aborted("a", 0)],
        [2],
      ],
      [
        "two that overlap, one undone",
        [record(0, "a"), record(1, "b"), record(2, "a"), marker(3, "b"), marker(4, "a")],
        [aborted("b", 1)],
        [0, 2],
      ],
      [
        "several that had begun before what is read",
        [record(50, "c"), record(51, "b"), record(52, "a"), marker(53, "c")],
        [aborted("c", 49), aborted("a", 12), aborted("b", 7)],
        [],
      ],
      [
        "the same producer, undone twice",
        [record(0, "a"), marker(1, "a"), record(2, "a"), marker(3, "a"), record(4, "a")],
        [aborted("a", 0), aborted("a", 2)],
        [4],
      ],
      [
        "a record outside of transactions between",
        [record(0, "a"), record(1, "n"), marker(2, "a")],
        [aborted("a", 0)],
        [1],
      ],
    ] as const
  ) {
    assert.deepEqual(committed(messages, undone).map(({ offset }) => offset), want, what);
  }
});

Deno.test("headers are texts, a record without a value is empty", () => {
  const headers = { collector: new TextEncoder().encode("roof"), last: "7" };
  const [found] = committed([record(0, "n", { headers: { last: headers.last } })], []);
  assert.deepEqual(found, { offset: 0, headers: { last: "7" }, value: new Uint8Array() });
});
