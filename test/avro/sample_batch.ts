import { encodeReading, SCHEMA_FINGERPRINT, SCHEMA_TEXT } from "../../lib/avro/mod.ts";
import type { Batch, Entry, Reading } from "../../lib/core/mod.ts";

/** A fingerprint whose text says the same with an alias more: another schema, equal records. */
export const OTHER_SCHEMA = "0123456789abcdef";

/** The text of every schema that entries are written with here. */
export const SCHEMAS: ReadonlyMap<string, string> = new Map([
  [SCHEMA_FINGERPRINT, SCHEMA_TEXT],
  [OTHER_SCHEMA, JSON.stringify({ ...JSON.parse(SCHEMA_TEXT), aliases: ["Earlier"] })],
]);

/** A reading as a row of the buffer. */
export function entryOf(reading: Reading, position: number, schema = SCHEMA_FINGERPRINT): Entry {
  return {
    position,
    topic: "readings",
    schema,
    payload: encodeReading(reading).payload,
    createdAt: Math.floor(reading.collectedAt / 1000),
    clockSynced: reading.clockSynced,
  };
}

/** Entries as an output gets them. */
export function batchOf(entries: readonly Entry[], epoch = 1_763_694_000_000): Batch {
  return { collector: "roof", epoch, topic: "readings", entries, schemas: SCHEMAS };
}
