import assert from "node:assert/strict";
import fc from "fast-check";
import type { LocalPosition } from "../../../lib/core/mod.ts";
import { type GroupOffset, judge, parseInFlight } from "../../../lib/outputs/kafka/recovery.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** Rows 1–200, written under three openings of the file; the second delivered nothing. */
const LOCAL: LocalPosition = {
  collector: "roof",
  epoch: 1,
  position: 90,
  latest: 200,
  incarnation: "third",
  incarnations: [
    { id: "first", first: 1, last: 100 },
    { id: "third", first: 121, last: undefined },
  ],
  note: null,
};

const offset = (incarnation: string, position: number, topic = "readings"): GroupOffset => ({
  topic,
  position,
  incarnation,
});

const delivered = (position: number) => ({ kind: "delivered", position } as const);
const unknown = { kind: "unknown" } as const;
const foreign = (of: GroupOffset) => ({ kind: "foreign", offset: of } as const);

Deno.test("the group's offset is held against the file's own history", () => {
  for (
    const [what, offsets, want] of [
      ["nothing was ever written, or it expired, or the topic was made again", [], unknown],
      ["what this file delivered last", [offset("first", 90)], delivered(90)],
      ["more than the buffer was told of", [offset("first", 100)], delivered(100)],
      ["under the present opening", [offset("third", 150)], delivered(150)],
      ["all there is, under the present opening", [offset("third", 200)], delivered(200)],
      [
        "less than the buffer knows, as after a topic was changed back",
        [offset("first", 40)],
        delivered(40),
      ],
      ["old rows under a newer opening", [offset("third", 95)], delivered(95)],
      [
        "a replaced file: none of its openings",
        [offset("other", 90)],
        foreign(offset("other", 90)),
      ],
      ["an offset that another program wrote", [offset("", 90)], foreign(offset("", 90))],
      [
        "a restored backup: an opening that had not gone so far then",
        [offset("first", 101)],
        foreign(offset("first", 101)),
      ],
      [
        "a restored backup of the running file: rows it does not have",
        [offset("third", 201)],
        foreign(offset("third", 201)),
      ],
      ["a clone that delivered last", [offset("clone", 130)], foreign(offset("clone", 130))],
      [
        "offsets of earlier topics prove deliveries too",
        [offset("first", 80, "earlier"), offset("third", 130), offset("first", 100, "older")],
        delivered(130),
      ],
      [
        "the topic was changed with rows of the earlier one still to go",
        [offset("third", 140, "earlier"), offset("first", 60)],
        delivered(140),
      ],
      ["an earlier topic alone", [offset("first", 80, "earlier")], delivered(80)],
      [
        "somebody else's in an earlier topic contradicts nothing",
        [offset("other", 500, "earlier")],
        unknown,
      ],
      [
        "somebody else's in an earlier topic, ours in this one",
        [offset("other", 500, "earlier"), offset("first", 70)],
        delivered(70),
      ],
      [
        "ours in an earlier topic, somebody else's in this one",
        [offset("first", 100, "earlier"), offset("other", 70)],
        foreign(offset("other", 70)),
      ],
    ] as const
  ) {
    assert.deepEqual(judge(LOCAL, offsets, "readings"), want, what);
  }
});

Deno.test("a new file has delivered nothing, whatever the group says", () => {
  const local = {
    ...LOCAL,
    position: 0,
    latest: 0,
    incarnation: "new",
    incarnations: [{ id: "new", first: 1, last: undefined }],
  };
  assert.deepEqual(judge(local, [], "readings"), unknown);
  assert.deepEqual(judge(local, [offset("third", 5)], "readings"), foreign(offset("third", 5)));
});

const NOTE = { topic: "readings", partition: 2, epoch: 1, after: 7, last: 9, from: 0 };

Deno.test("a note is read as it was written", () => {
  assert.deepEqual(parseInFlight(JSON.stringify(NOTE)), NOTE);
  assert.deepEqual(parseInFlight(JSON.stringify({ ...NOTE, more: "of a later version" })), NOTE);
});

Deno.test("a note that says too little, or no note, is none", () => {
  for (
    const note of [
      null,
      "",
      "{",
      "null",
      "7",
      '"text"',
      "[]",
      ...Object.keys(NOTE).map((key) => JSON.stringify({ ...NOTE, [key]: undefined })),
      ...Object.keys(NOTE).map((key) =>
        JSON.stringify({ ...NOTE, [key]: key === "topic" ? 1 : "1" })
      ),
      JSON.stringify({ ...NOTE, last: 1.5 }),
    ]
  ) {
    assert.equal(parseInFlight(note), undefined, String(note));
  }
  fc.assert(fc.property(fc.string(), (note) => void parseInFlight(note)));
});
