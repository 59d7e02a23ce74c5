import assert from "node:assert/strict";
import { EXIT_CODES } from "../../lib/cli/mod.ts";
import { errorText, exitCodeOf } from "../../lib/cli/exit.ts";
import {
  ConfigError,
  FencedError,
  ModbusException,
  NotFoundError,
  RefusedError,
  TransportError,
  TryLaterError,
  UsageError,
} from "../../lib/core/mod.ts";

Deno.test("an error has the exit code of what the caller will do about it", () => {
  for (
    const [error, code] of [
      [new UsageError("x"), 2],
      [new ConfigError("x"), 78],
      [new RefusedError("x"), 4],
      [new TryLaterError("x"), 75],
      [new FencedError("x"), 75],
      [new NotFoundError("x"), 1],
      [new TransportError("x", "timeout"), 1],
      [new ModbusException(2, "x"), 1],
      [new Error("x"), 1],
      ["x", 1],
      [undefined, 1],
    ] as const
  ) {
    assert.equal(exitCodeOf(error), code, String(error));
  }
});

Deno.test("every exit code of the contract has a meaning", () => {
  assert.deepEqual(EXIT_CODES.map(([code]) => code), [0, 1, 2, 3, 4, 75, 78, 130, 143]);
  assert.ok(EXIT_CODES.every(([, meaning]) => meaning.length > 3));
});

const deep = new TransportError("Cannot read", "timeout", {
  cause: new Error("the wire", { cause: "a spark" }),
});

Deno.test("a user sees what failed, and no stack", () => {
  assert.equal(errorText(deep, false), "error: Cannot read\n");
  assert.equal(errorText("thrown", false), "error: thrown\n");
});

Deno.test("when debugging there is the stack, and every cause", () => {
  const text = errorText(deep, true);
  assert.match(text, /^error: TransportError: Cannot read\n +at /);
  assert.match(text, /^caused by: error: Error: the wire\n +at /m);
  assert.match(text, /^caused by: error: a spark$/m);
});
