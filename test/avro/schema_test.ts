import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { SCHEMA_FINGERPRINT, SCHEMA_TEXT } from "../../lib/avro/mod.ts";
import { BODY_SCHEMA } from "../../lib/avro/schema.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** The fields of a record, one a line as `name type`, those of records in it below it. */
function lines(record: unknown, indent = ""): string[] {
  assert.ok(typeof record === "object" && record !== null && "fields" in record);
  assert.ok(Array.isArray(record.fields));
  return record.fields.flatMap((field) => {
    const inner = innerRecord(field.type);
    const line = `${indent}${field.name} ${typeName(field.type)}`;
    return inner ? [line, ...lines(inner, `${indent}  `)] : [line];
  });
}

function typeName(type: unknown): string {
  if (typeof type === "string") return type;
  if (Array.isArray(type)) return type.map(typeName).join("/");
  assert.ok(typeof type === "object" && type !== null && "type" in type);
  if ("logicalType" in type) return `${type.type} ${type.logicalType}`;
  if ("items" in type) return `array of ${typeName(type.items)}`;
  return "name" in type ? String(type.name) : String(type.type);
}

function innerRecord(type: unknown): unknown {
  if (Array.isArray(type)) return innerRecord(type[1]);
  if (typeof type !== "object" || type === null) return undefined;
  if ("fields" in type) return type;
  return "items" in type ? innerRecord(type.items) : undefined;
}

Deno.test("the schema's fields are those of the contract, in its order", () => {
  assert.deepEqual(lines(JSON.parse(SCHEMA_TEXT)), [
    "collector string",
    "epoch long",
    "position long",
    "kind string",
    "device Device",
    "  id string",
    "  manufacturer string",
    "  model string",
    "  version string",
    "  serial_number string",
    "  endpoint string",
    "  unit_id int",
    "  parent null/string",
    "driver string",
    "source string",
    "model_id null/int",
    "instance null/int",
    "address null/int",
    "length null/int",
    "model_name null/string",
    "collected_at long timestamp-micros",
    "clock_synced null/boolean",
    "points array of Point",
    "  name string",
    "  value null/double",
    "  text null/string",
    "  unit null/string",
    "  quality null/string",
    "registers null/bytes",
    "gap null/Gap",
    "  output string",
    "  first long",
    "  last long",
    "  count long",
    "  reason string",
    "  from long timestamp-micros",
    "  to long timestamp-micros",
  ]);
});

Deno.test("the record is sunspool.Reading, and a body is the same without its first three fields", () => {
  const [whole, body] = [JSON.parse(SCHEMA_TEXT), JSON.parse(BODY_SCHEMA)];
  assert.deepEqual([whole.namespace, whole.name], ["sunspool", "Reading"]);
  assert.deepEqual(body.fields, whole.fields.slice(3));
});

Deno.test("a union is null or one type, and its default is null", () => {
  const unions: { type: unknown[]; default?: unknown }[] = [];
  JSON.parse(SCHEMA_TEXT, (_key, value) => {
    if (Array.isArray(value?.type)) unions.push(value);
    return value;
  });
  assert.equal(unions.length, 13);
  for (const union of unions) {
    assert.equal(union.type.length, 2);
    assert.equal(union.type[0], "null");
    assert.notEqual(union.type[1], "null");
    assert.ok("default" in union && union.default === null, JSON.stringify(union));
  }
});

Deno.test("the fingerprint is the first half of the text's SHA-256, and changes with the schema", () => {
  const digest = createHash("sha256").update(SCHEMA_TEXT).digest("hex");
  assert.equal(SCHEMA_FINGERPRINT, digest.slice(0, 16));
  // Rows and topics name it for ever: whoever changes the schema changes this line on purpose.
  assert.equal(SCHEMA_FINGERPRINT, "c0b87f04e5042a8f");
});
