import { encodeBody, gapReading, SCHEMA_FINGERPRINT, SCHEMA_TEXT } from "../avro/mod.ts";
import { type BufferRole, SqliteBuffer } from "../buffer/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import { ConfigError, type NewEntry, type Reading, type Setting } from "../core/mod.ts";
import { topic } from "../outputs/mod.ts";

/** Opens the buffer as the configuration says. */
export function openBuffer(config: Config, role: BufferRole): SqliteBuffer {
  const { get } = config;
  const { buffer } = settings;
  const whenFull = get(buffer.whenFull);
  if (whenFull === "drop_newest") {
    throw notYet(config, buffer.whenFull, "use drop_oldest or block");
  }
  if (get(buffer.isolate) === "true") throw notYet(config, buffer.isolate, "use auto or false");
  return new SqliteBuffer({
    path: get(buffer.path),
    role,
    topic: get(topic),
    collector: get(settings.collector.id),
    outputs: config.outputs().map(({ name }) => name),
    synchronous: get(buffer.synchronous),
    commitIntervalMs: get(buffer.commitIntervalMs),
    maxBytes: get(buffer.maxBytes),
    whenFull,
    schemas: new Map([[SCHEMA_FINGERPRINT, SCHEMA_TEXT]]),
    encodeGap: (collector, gap) => toEntry(gapReading(collector, gap)),
  });
}

/** Refuses a value that this version knows but cannot do. */
function notYet(config: Config, setting: Setting<unknown>, advice: string): ConfigError {
  return new ConfigError(
    `${config.originOf(setting)}: ${setting.key}: not in this version, ${advice}`,
  );
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
