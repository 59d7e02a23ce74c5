import { createHash } from "node:crypto";

const nullable = (type: unknown) => ["null", type];
const TIMESTAMP = { type: "long", logicalType: "timestamp-micros" };

const DEVICE = {
  type: "record",
  name: "Device",
  fields: [
    { name: "id", type: "string" },
    { name: "manufacturer", type: "string" },
    { name: "model", type: "string" },
    { name: "version", type: "string" },
    { name: "serial_number", type: "string" },
    { name: "endpoint", type: "string" },
    { name: "unit_id", type: "int" },
    { name: "parent", type: nullable("string"), default: null },
  ],
};

const POINT = {
  type: "record",
  name: "Point",
  fields: [
    { name: "name", type: "string", doc: "Dotted, groups indexed from 0: module[2].DCW" },
    {
      name: "value",
      type: nullable("double"),
      default: null,
      doc: "The scaled number; the integer of an enum or bitfield",
    },
    {
      name: "text",
      type: nullable("string"),
      default: null,
      doc: "Text, a symbol, symbols joined by |, or the exact decimal a double cannot hold",
    },
    { name: "unit", type: nullable("string"), default: null },
    { name: "quality", type: nullable("string"), default: null, doc: "null = good" },
  ],
};

const GAP = {
  type: "record",
  name: "Gap",
  fields: [
    { name: "output", type: "string" },
    { name: "first", type: "long" },
    { name: "last", type: "long" },
    { name: "count", type: "long" },
    { name: "reason", type: "string" },
    { name: "from", type: TIMESTAMP },
    { name: "to", type: TIMESTAMP },
  ],
};

/** The fields that are known only when a reading is delivered. */
const POSITION_FIELDS = [
  { name: "collector", type: "string" },
  { name: "epoch", type: "long" },
  { name: "position", type: "long", doc: "Row id in the collector's buffer" },
];

const BODY_FIELDS = [
  { name: "kind", type: "string", doc: "reading, gap or event" },
  { name: "device", type: DEVICE },
  { name: "driver", type: "string" },
  { name: "source", type: "string", doc: "What was read: sunspec/103" },
  { name: "model_id", type: nullable("int"), default: null },
  { name: "instance", type: nullable("int"), default: null },
  { name: "address", type: nullable("int"), default: null },
  { name: "length", type: nullable("int"), default: null },
  { name: "model_name", type: nullable("string"), default: null },
  { name: "collected_at", type: TIMESTAMP },
  { name: "clock_synced", type: nullable("boolean"), default: null },
  { name: "points", type: { type: "array", items: POINT } },
  {
    name: "registers",
    type: nullable("bytes"),
    default: null,
    doc: "The raw words, big-endian, from the model's ID register on",
  },
  { name: "gap", type: nullable(GAP), default: null },
];

function record(name: string, fields: readonly unknown[]) {
  return { type: "record", name, namespace: "sunspool", fields };
}

/** The schema of everything that is delivered, as text. */
export const SCHEMA_TEXT: string = JSON.stringify(
  record("Reading", [...POSITION_FIELDS, ...BODY_FIELDS]),
);

/** Where a record stands, and what it says of others: the fields that a proof needs. */
export const PLACE_SCHEMA: string = JSON.stringify(
  record("Reading", [
    ...POSITION_FIELDS,
    { name: "kind", type: "string" },
    {
      name: "gap",
      type: nullable({ type: "record", name: "Gap", fields: GAP.fields.slice(0, 3) }),
      default: null,
    },
  ]),
);

/** The schema of a reading without its first three fields. */
export const BODY_SCHEMA: string = JSON.stringify(record("Body", BODY_FIELDS));

/** The first 16 hexadecimal digits of the SHA-256 of the schema text: its name in the buffer and in Kafka. */
export const SCHEMA_FINGERPRINT: string = createHash("sha256").update(SCHEMA_TEXT)
  .digest("hex").slice(0, 16);
