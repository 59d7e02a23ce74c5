import assert from "node:assert/strict";
import type { LocalPosition } from "../../../lib/core/mod.ts";
import { judge, keptSpans, type Written } from "../../../lib/outputs/file/recovery.ts";

/** Rows 1–200, written under three openings of the file; the second delivered nothing. */
const LOCAL: LocalPosition = {
  collector: "roof",
  epoch: 10,
  position: 90,
  latest: 200,
  incarnation: "third",
  incarnations: [
    { id: "first", first: 1, last: 100 },
    { id: "third", first: 121, last: undefined },
  ],
  note: null,
};

/** A file with its final name; it begins where that does not matter. */
const finished = (incarnation: string | undefined, last: number, epoch = 10): Written => ({
  name: { epoch, first: 1, last },
  incarnation,
  spans: [],
});

/** A file that was not finished, of blocks that end at these positions. */
const partial = (incarnation: string | undefined, lasts: readonly number[], epoch = 10) => ({
  name: { epoch, first: 1, last: undefined },
  incarnation,
  spans: lasts.map((last) => ({ first: last, last, end: last })),
});

Deno.test("files are held against the buffer file's own history", () => {
  for (
    const [what, files, position, foreign] of [
      ["nothing is there", [], 90, undefined],
      ["more than the buffer was told of", [finished("first", 100)], 100, undefined],
      ["under the present opening", [finished("third", 150)], 150, undefined],
      ["what was not finished was not committed", [partial("third", [95, 99])], 90, undefined],
      ["a copy of before: what came after it", [finished("first", 101)], 90, 101],
      ["the same, not finished", [partial("first", [95, 101])], 90, 101],
      ["an opening that this file never had", [finished("other", 95)], 90, 95],
      ["ours and another's", [finished("first", 95), finished("other", 98)], 95, 98],
      ["beyond what was ever written", [finished("third", 201)], 90, 201],
      ["nothing whole of another's", [partial("other", [])], 90, undefined],
      ["nothing whole at all", [partial(undefined, [])], 90, undefined],
      ["another's, of another epoch", [finished("other", 95, 9)], 90, undefined],
      ["of before files named it", [finished(undefined, 95)], 95, undefined],
      ["the same, beyond what was written", [finished(undefined, 201)], 90, 201],
    ] as const
  ) {
    assert.deepEqual(judge(LOCAL, files), { position, foreign }, what);
  }
});

Deno.test("only what this buffer delivers again is cut off a file that was not finished", () => {
  for (
    const [what, file, want] of [
      ["ours", partial("third", [80, 90, 95]), [80, 90]],
      ["ours, though another output began a new epoch", partial("third", [90, 95], 9), [90]],
      ["ours, none of it committed", partial("third", [95]), []],
      ["another's", partial("other", [80, 95]), [80, 95]],
      ["of the file that this one is a copy of", partial("first", [90, 101]), [90, 101]],
      ["of before files named it", partial(undefined, [90, 95]), [90]],
      ["the same, of another epoch", partial(undefined, [90, 95], 9), [90, 95]],
    ] as const
  ) {
    assert.deepEqual(keptSpans(LOCAL, file, 90).map(({ last }) => last), want, what);
  }
});
