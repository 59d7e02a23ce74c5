import assert from "node:assert/strict";
import { runParser } from "@optique/core/facade";
import fc from "fast-check";
import * as library from "../../lib/cli/library.ts";
import { plainValue } from "../../lib/cli/plain_value.ts";
import { choice, integer, millisecondsValue, say, string } from "../../lib/cli/values.ts";
import { merge, object, section } from "../../lib/cli/word_groups.ts";
import {
  argument,
  flag,
  map,
  multiple,
  option,
  optional,
  withDefault,
  type Words,
} from "../../lib/cli/words.ts";

const about = { description: say("what it is") };

/** All that commands take, together. */
const everything = merge(
  object({
    place: argument(string({ metavar: "PLACE" }), about),
    more: multiple(argument(string({ metavar: "MORE" }), about)),
    raw: flag("--raw", "-r", about),
    format: map(
      object({
        format: optional(
          option("--format", "-f", choice(["csv", "json"], { metavar: "F" }), about),
        ),
        json: flag("--json", about),
      }),
      ({ format, json }) => format ?? (json ? "json" : "table"),
    ),
  }),
  section("Device", {
    count: withDefault(option("--count", "-n", integer({ min: 1, max: 99 }), about), 5),
    within: optional(option("--within", millisecondsValue, about)),
    set: multiple(option("--set", string({ metavar: "KEY=VALUE" }), about)),
  }),
);

const two = object({
  action: argument(choice(["list", "show"], { metavar: "ACTION" }), about),
  model: optional(argument(string({ metavar: "MODEL" }), about)),
  least: multiple(option("--least", string({ metavar: "TEXT" }), about), { min: 1 }),
});

/** What the options library makes of the same words; undefined = it refuses. */
function theirs<T>(words: Words<T>, args: readonly string[]): { readonly value: T } | undefined {
  try {
    const value = runParser(words.build(library), "probe", args, {
      stderr: () => {},
      onError: () => {
        throw new Error("refused");
      },
    });
    return { value };
  } catch {
    return undefined;
  }
}

const written = fc.constantFrom(
  ...["a", "b=c", "list", "show", "3", "100", "2s", "csv", "json", "-", "--", "", "-5", "k=v"],
  ...["--raw", "-r", "-rn", "--json", "--format", "-f", "--format=csv", "--format=", "-fcsv"],
  ...["--count", "-n", "--count=7", "--count=007", "-n=7", "--within=500ms", "--within", "--set"],
  ...["--set=a=b=c", "--raw=1", "--least", "--least=x", "--unknown", "-h", "--set=--raw"],
);

Deno.test("what is read plainly is what the options library reads", () => {
  const seen = { plain: 0, left: 0 };
  fc.assert(
    fc.property(fc.array(written, { maxLength: 7 }), (args) => {
      for (const words of [everything, two] as const) {
        const plain = plainValue<unknown>(words, args);
        if (plain) assert.deepEqual(plain, theirs<unknown>(words, args));
        seen[plain ? "plain" : "left"]++;
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(seen.plain > 100 && seen.left > 100, JSON.stringify(seen));
});

Deno.test("the usual ways to write are read plainly", () => {
  const usual = { place: "a", more: [], raw: false, format: "table", count: 5, set: [] };
  for (
    const [line, want] of [
      ["a", {}],
      ["a b c --raw", { more: ["b", "c"], raw: true }],
      ["--json a --count 7 b", { format: "json", count: 7, more: ["b"] }],
      ["-n 7 -r -f csv --within=2s a", { count: 7, raw: true, format: "csv", within: 2000 }],
      ["--set k=v a --set=l=w=x", { set: ["k=v", "l=w=x"] }],
    ] as const
  ) {
    const args = line.split(" ");
    const value = { within: undefined, ...usual, ...want };
    assert.deepEqual(plainValue(everything, args), { value }, line);
    assert.deepEqual(theirs(everything, args), { value }, line);
  }
});

Deno.test("what is unusual, wrong or a question is left to the options library", () => {
  for (
    const line of [
      "",
      "a --help",
      "a --count",
      "a --count 0",
      "a --count 1 --count 2",
      "a --raw --raw",
      "a --raw=1",
      "a --unknown",
      "a -- -b",
      "a --set -b",
      "a -rf csv",
    ]
  ) {
    assert.equal(plainValue(everything, line.split(" ").filter(Boolean)), undefined, line);
  }
});
