import assert from "node:assert/strict";
import { messageOf } from "../../lib/core/mod.ts";

Deno.test("a permission that was given up is told without Deno's flags", () => {
  for (
    const [message, want] of [
      [
        'Requires all access to "/proc/x", run again with the --allow-all flag',
        'this command gave up the right to touch "/proc/x"',
      ],
      [
        'Requires read access to "a.toml", run again with the --allow-read flag',
        'this command gave up read access to "a.toml"',
      ],
      ["Something else", "Something else"],
    ] as const
  ) {
    assert.equal(messageOf(new Deno.errors.NotCapable(message)), want);
  }
  assert.equal(messageOf(new Error("it broke")), "it broke");
  assert.equal(messageOf("a text"), "a text");
});
