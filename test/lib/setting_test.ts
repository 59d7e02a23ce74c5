import assert from "node:assert/strict";
import { type Setting, SettingError } from "../../lib/core/mod.ts";
import { bytes, flag, integer, oneOf, secret, text, texts } from "../../lib/setting.ts";

const about = (key: string) => ({ key, summary: "What it is" });
const port = integer(about("a.port"), 502, { min: 1, max: 65_535 });
const isOn = flag(about("a.on"), false);
const acks = oneOf(about("a.acks"), "all", ["all", "1", "true"]);
const name = text(about("a.name"), undefined, { pattern: /^[a-z]+$/, meaning: "small letters" });
const names = texts(about("a.names"), [], { pattern: /^[a-z]+$/, meaning: "small letters" });
const size = bytes(about("a.size"), "1 GiB", 1024);

/** The faults of a value, each with where it is. */
function faultsOf(take: () => unknown): string[] {
  try {
    take();
  } catch (error) {
    assert.ok(error instanceof SettingError, String(error));
    return error.faults.map(({ path, text }) => [...path, text].join(": "));
  }
  return [];
}

Deno.test("a setting takes what it means out of the file", () => {
  for (
    const [setting, value, want] of [
      [port, 1, 1],
      [port, 65_535, 65_535],
      [isOn, true, true],
      [isOn, false, false],
      [acks, "all", "all"],
      [acks, 1, "1"],
      [acks, true, "true"],
      [name, "helio", "helio"],
      [names, ["a", "b"], ["a", "b"]],
      [names, "a, b", ["a", "b"]],
      [names, [], []],
      [size, 1024, 1024],
      [size, "1024", 1024],
      [size, "2 KiB", 2048],
      [size, "1.5MiB", 1_572_864],
      [size, "1 gb", 1_073_741_824],
      [size, "1TiB", 1_099_511_627_776],
    ] as const satisfies readonly (readonly [Setting<unknown>, unknown, unknown])[]
  ) {
    assert.deepEqual(setting.parse(value), want, `${setting.key} = ${JSON.stringify(value)}`);
  }
});

Deno.test("a setting takes the same out of the environment", () => {
  for (
    const [setting, value, want] of [
      [port, "502", 502],
      [port, " 502 ", 502],
      [isOn, "true", true],
      [isOn, "YES", true],
      [isOn, "1", true],
      [isOn, "off", false],
      [isOn, "0", false],
      [acks, " all ", "all"],
      [name, "helio", "helio"],
      [names, "a,b, c", ["a", "b", "c"]],
      [size, "64 MiB", 67_108_864],
    ] as const satisfies readonly (readonly [Setting<unknown>, string, unknown])[]
  ) {
    assert.deepEqual(setting.fromText(value), want, `${setting.env}=${value}`);
  }
});

Deno.test("a setting refuses everything else, and says what it must be", () => {
  const [whole, yesNo] = ["must be a whole number within 1–65535", "must be true or false"];
  const [word, letters] = ["must be one of all, 1, true", "must be small letters"];
  const ofBytes = 'must be a number of bytes of at least 1024, as 1073741824 or "1 GiB"';
  for (
    const [setting, value, want] of [
      [port, 0, [whole]],
      [port, 65_536, [whole]],
      [port, 1.5, [whole]],
      [port, "502", [whole]],
      [port, true, [whole]],
      [port, null, [whole]],
      [port, Number.NaN, [whole]],
      [port, [502], [whole]],
      [isOn, "true", [yesNo]],
      [isOn, 1, [yesNo]],
      [acks, "none", [word]],
      [acks, "ALL", [word]],
      [acks, ["all"], [word]],
      [acks, { all: 1 }, [word]],
      [acks, null, [word]],
      [acks, Object.create(null), [word]],
      [name, "Helio", [letters]],
      [name, "", [letters]],
      [name, 5, [letters]],
      [names, 5, ["must be an array of texts"]],
      [names, ["a", "B", 3], [`1: "B" ${letters}`, `2: "3" ${letters}`]],
      [size, 1023, [ofBytes]],
      [size, -1, [ofBytes]],
      [size, 2048.5, [ofBytes]],
      [size, "1 XiB", [ofBytes]],
      [size, "much", [ofBytes]],
      [size, true, [ofBytes]],
      [size, Object.create(null), [ofBytes]],
      [names, [Object.create(null)], [`0: it ${letters}`]],
    ] as const satisfies readonly (readonly [Setting<unknown>, unknown, readonly string[]])[]
  ) {
    const place = `${setting.key} = ${JSON.stringify(value)}`;
    assert.deepEqual(faultsOf(() => setting.parse(value)), want, place);
  }
});

Deno.test("in the environment a number is written in digits", () => {
  for (const text of ["", "abc", "1e3", "0x10", "1.5", "１", "99999"]) {
    assert.equal(faultsOf(() => port.fromText(text)).length, 1, text);
  }
  for (const text of ["", "y", "ja", "2"]) {
    assert.equal(faultsOf(() => isOn.fromText(text)).length, 1, text);
  }
});

Deno.test("a setting knows its variable, and its default for people", () => {
  const named = integer({ ...about("a.port"), env: "SUNSPEC_PORT" }, undefined, {
    min: 1,
    max: 9,
  });
  for (
    const [setting, env, fallback, shown] of [
      [port, "SUNSPEC_A_PORT", 502, "502"],
      [named, "SUNSPEC_PORT", undefined, "none"],
      [isOn, "SUNSPEC_A_ON", false, "false"],
      [names, "SUNSPEC_A_NAMES", [], "none"],
      [size, "SUNSPEC_A_SIZE", 1_073_741_824, "1 GiB"],
    ] as const satisfies readonly (readonly [Setting<unknown>, string, unknown, string])[]
  ) {
    assert.equal(setting.env, env);
    assert.deepEqual(setting.fallback, fallback);
    assert.equal(setting.shownFallback, shown);
  }
});

Deno.test("the schema of a word allows the forms without quotes that are taken", () => {
  assert.deepEqual(acks.schema, { enum: ["all", "1", 1, "true", true] });
});

Deno.test("a secret comes out of the environment only, and a refusal does not repeat it", () => {
  const token = secret({ ...about("a.token"), env: "SUNSPEC_TOKEN" });
  assert.equal(token.isSecret, true);
  assert.equal(token.fromText("hunter2"), "hunter2");
  const [fault = ""] = faultsOf(() => token.parse("hunter2"));
  assert.match(fault, /is a secret.*set SUNSPEC_TOKEN, or a\.token_file/);
  assert.doesNotMatch(fault, /hunter2/);
});
