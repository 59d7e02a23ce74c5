import assert from "node:assert/strict";
import { parse as parseToml } from "smol-toml";
import { allSettings, configSchema } from "../../lib/config/mod.ts";
import { CONTRACT, FULL_TOML } from "./contract.ts";

type Fields = { readonly [name: string]: unknown };

function fields(value: unknown): Fields {
  assert.ok(typeof value === "object" && value !== null && !Array.isArray(value));
  return { ...value };
}

function list(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value));
  return value;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : value === null ? "null" : typeof value;
}

/** What each keyword that we use means: JSON Schema 2020-12, validation and applicator parts. */
const KEYWORDS: Readonly<
  Record<string, (rule: unknown, value: unknown, schema: Fields) => boolean>
> = {
  type: (rule, value) => [rule].flat().includes(typeOf(value)),
  enum: (rule, value) => list(rule).includes(value),
  const: (rule, value) => rule === value,
  not: (rule, value) => !isValid(rule, value),
  anyOf: (rule, value) => list(rule).some((schema) => isValid(schema, value)),
  minimum: (rule, value) => typeof value !== "number" || value >= Number(rule),
  maximum: (rule, value) => typeof value !== "number" || value <= Number(rule),
  pattern: (rule, value) => typeof value !== "string" || new RegExp(String(rule), "u").test(value),
  items: (rule, value) => !Array.isArray(value) || value.every((item) => isValid(rule, item)),
  required: (rule, value) =>
    typeOf(value) !== "object" || list(rule).every((name) => String(name) in fields(value)),
  properties: (rule, value) =>
    typeOf(value) !== "object" ||
    Object.entries(fields(value)).every(([name, inner]) =>
      !Object.hasOwn(fields(rule), name) || isValid(fields(rule)[name], inner)
    ),
  additionalProperties: (rule, value, { properties }) =>
    rule !== false || typeOf(value) !== "object" ||
    Object.keys(fields(value)).every((name) => Object.hasOwn(fields(properties), name)),
};
const ANNOTATIONS = ["$schema", "title", "description"];

/** Whether a value is what a schema describes; an unknown keyword fails the test. */
function isValid(schema: unknown, value: unknown): boolean {
  const rules = fields(schema);
  return Object.entries(rules).every(([keyword, rule]) => {
    if (ANNOTATIONS.includes(keyword)) return typeof rule === "string";
    assert.ok(KEYWORDS[keyword], `unknown keyword ${keyword}`);
    return KEYWORDS[keyword](rule, value, rules);
  });
}

/** The schema at a key. */
function schemaAt(key: string): Fields {
  return key.split(".").reduce((schema, name) => {
    const properties = fields(schema.properties);
    assert.ok(Object.hasOwn(properties, name), `${key} is not in the schema`);
    return fields(properties[name]);
  }, fields(configSchema()));
}

const full: unknown = parseToml(FULL_TOML);

Deno.test("every key is in the schema, with its summary, variable and default", () => {
  assert.equal(configSchema().$schema, "https://json-schema.org/draft/2020-12/schema");
  for (const { key, env, summary, shownFallback, isSecret } of allSettings) {
    if (isSecret) continue;
    const { description } = schemaAt(key);
    assert.equal(description, `${summary} (environment: ${env}; default: ${shownFallback})`);
  }
  for (const [key] of CONTRACT) assert.ok(schemaAt(key));
});

Deno.test("a secret has no place in a file, and so none in the schema", () => {
  for (const { key } of allSettings.filter(({ isSecret }) => isSecret)) {
    assert.throws(() => schemaAt(key), /is not in the schema/);
  }
});

Deno.test("the full configuration is valid, and so is an empty one", () => {
  assert.ok(isValid(configSchema(), full));
  assert.ok(isValid(configSchema(), {}));
});

Deno.test("the schema takes what the parser takes, and refuses what it refuses", () => {
  for (
    const [key, values, wrong] of [
      ["discovery.port", [1, 65_535], [0, 65_536, 1.5, "502", null]],
      ["poller.poll_interval_ms", [10], [9, true]],
      ["kafka.acks", ["all", "1", 1, 0], ["2", 2, true, ["all"]]],
      ["buffer.isolate", ["auto", true, "false"], ["yes", 1]],
      ["kafka.enable_idempotence", [true, false], ["true", 1]],
      ["kafka.topic", ["a.b-c_D"], ["", "a b", ".", "..", 5]],
      ["kafka.brokers", [["a:1"], []], [["a"], [5], 5]],
      ["sunspec.base_address", ["auto", 0, 65_533], ["40000", 65_534, -1]],
      ["buffer.max_bytes", [1_048_576, "1 GiB"], [5, true, 1.5]],
      ["collect.outputs", [["file"], "file"], [[5], 5]],
      ["log.level", ["debug"], ["trace", ["debug"]]],
      ["devices", [[{ endpoint: "a" }], []], [
        {},
        [5],
        [{}],
        [{ endpoint: 5 }],
        [{ endpoint: "a", unit: 1 }],
        [{ endpoint: "a", models: [0] }],
        [{ endpoint: "a", max_registers: 126 }],
        [{ endpoint: "a", session: "keep" }],
      ]],
    ] as const
  ) {
    const setting = allSettings.find((setting) => setting.key === key);
    for (const value of values) {
      assert.ok(isValid(schemaAt(key), value), `${key} = ${JSON.stringify(value)}`);
      assert.doesNotThrow(() => setting?.parse(value));
    }
    for (const value of wrong) {
      assert.ok(!isValid(schemaAt(key), value), `${key} = ${JSON.stringify(value)}`);
      assert.throws(() => setting?.parse(value), `${key} = ${JSON.stringify(value)}`);
    }
  }
  assert.ok(!isValid(configSchema(), { pollr: {} }));
  assert.ok(!isValid(configSchema(), { poller: { intervall: 5 } }));
});
