import { encodeBody, gapReading, SCHEMA_FINGERPRINT, SCHEMA_TEXT } from "../avro/mod.ts";
import { type BufferRole, SqliteBuffer } from "../buffer/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import { ConfigError, type NewEntry, type Reading } from "../core/mod.ts";
import { topic } from "../outputs/mod.ts";

/** Opens the buffer as the configuration says. */
export function openBuffer(config: Config, role: BufferRole): SqliteBuffer {
  const { get } = config;
  const { buffer } = settings;
  if (get(buffer.isolate) === "true") {
    throw new ConfigError(
      `${config.originOf(buffer.isolate)}: buffer.isolate: this version keeps the buffer in the ` +
        "main thread, use auto or false",
    );
  }
  return new SqliteBuffer({
    path: get(buffer.path),
    role,
    topic: get(topic),
    collector: get(settings.collector.id),
    outputs: config.outputs().map(({ name }) => name),
    synchronous: get(buffer.synchronous),
    commitIntervalMs: get(buffer.commitIntervalMs),
    maxBytes: get(buffer.maxBytes),
    whenFull: get(buffer.whenFull),
    schemas: new Map([[SCHEMA_FINGERPRINT, SCHEMA_TEXT]]),
    encodeGap: (collector, gap) => toEntry(gapReading(collector, gap)),
  });
}

/** Encodes a reading for the buffer. */
export function toEntry(reading: Reading): NewEntry {
  return {
    schema: SCHEMA_FINGERPRINT,
    payload: encodeBody(reading),
    createdAt: Math.floor(reading.collectedAt / 1000),
    clockSynced: reading.clockSynced,
  };
}
