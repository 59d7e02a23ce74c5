import avro, { type Schema } from "avsc";

/** Registers as numbers, and nothing about them. */
export const READING_SCHEMA: Schema = {
  type: "record",
  name: "Reading",
  fields: [
    { name: "collected_at", type: "long" },
    { name: "endpoint", type: "string" },
    { name: "values", type: { type: "array", items: "double" } },
  ],
};

const TYPE = avro.Type.forSchema(READING_SCHEMA);

/** Encodes the registers of one read. */
export function encodeReading(endpoint: string, registers: DataView): Uint8Array {
  const values = Array.from(
    { length: registers.byteLength / 2 },
    (_, i) => registers.getInt16(i * 2),
  );
  return TYPE.toBuffer({ collected_at: Date.now() * 1000, endpoint, values });
}
