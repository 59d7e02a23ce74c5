import assert from "node:assert/strict";
import { createLog, type LogLevel } from "../../lib/log.ts";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const HOSTILE = "\u001b[31mred\u001b[0m\r\nsecond line\u0000\u007f\u009b5m";
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** What is written when `say` is called with a log of this format. */
function linesOf(
  format: "text" | "json",
  say: (log: ReturnType<typeof createLog>) => void,
  level: LogLevel = "debug",
): string[] {
  const lines: string[] = [];
  say(createLog({ level, format, write: (line) => lines.push(line) }));
  return lines;
}

Deno.test("text is one line: time, level, message, fields", () => {
  const [line = ""] = linesOf("text", (log) =>
    log("warn", "device is away", {
      device: "Helio-H-10",
      place: "127.0.0.1:502/1",
      models: "1 103",
      tries: 3,
      since: undefined,
      list: [1, 2],
    }));
  assert.match(
    line,
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}device is away device=Helio-H-10 place=127\.0\.0\.1:502\/1 models="1 103" tries=3 since=undefined list="\[1,2\]"\n$/,
  );
});

Deno.test("json is one object a line, as journald and its like take it", () => {
  const [line = ""] = linesOf("json", (log) => log("error", "it broke", { tries: 3, text: "a b" }));
  assert.match(line, /^\{.*\}\n$/);
  const { time, ...rest } = JSON.parse(line);
  assert.deepEqual(rest, { level: "error", message: "it broke", tries: 3, text: "a b" });
  assert.equal(new Date(time).toISOString(), time);
});

Deno.test("less important lines are left out", () => {
  for (const [i, level] of LEVELS.entries()) {
    const lines = linesOf("json", (log) => LEVELS.forEach((level) => log(level, "x")), level);
    assert.deepEqual(lines.map((line) => JSON.parse(line).level), LEVELS.slice(i));
  }
});

Deno.test("control characters reach no terminal: neither from messages nor from fields", () => {
  const [text = "", ...rest] = linesOf("text", (log) => log("info", HOSTILE, { device: HOSTILE }));
  assert.deepEqual(rest, []);
  assert.doesNotMatch(text.slice(0, -1), CONTROL);
  assert.match(text, /\[31mred/);
});

Deno.test("in json control characters are escaped, and come back whole", () => {
  const [line = ""] = linesOf("json", (log) => log("info", HOSTILE, { device: HOSTILE }));
  assert.equal(line.indexOf("\n"), line.length - 1);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(line.slice(0, -1), /[\u0000-\u001f]/);
  const { message, device } = JSON.parse(line);
  assert.deepEqual([message, device], [HOSTILE, HOSTILE]);
});
