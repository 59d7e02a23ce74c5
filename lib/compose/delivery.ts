import { eventReading } from "../avro/mod.ts";
import type { SqliteBuffer } from "../buffer/mod.ts";
import { Drain, type DrainPorts } from "../collect/mod.ts";
import { type Config, settings, warningsOf } from "../config/mod.ts";
import type { Log } from "../log.ts";
import { toEntry } from "./buffer.ts";

/** One drain for each configured output. */
export function drainsOf(
  config: Config,
  buffer: SqliteBuffer,
  log: Log,
  observe: Pick<DrainPorts, "observeReadings" | "observeBatch">,
): readonly Drain[] {
  const { get } = config;
  for (const warning of warningsOf(config)) log("warn", warning);
  return config.outputs().map((type) => {
    const output = type.create(get, {
      collector: buffer.collector,
      batchSize: get(settings.buffer.batchSize),
      note: (text) => buffer.note(type.name, text),
      log: (level, message, fields) => log(level, message, { output: type.name, ...fields }),
    });
    return new Drain(output, buffer, { idleMs: get(settings.buffer.drainIntervalMs) }, {
      ...observe,
      encodeEvent: (event, text) =>
        toEntry(eventReading(buffer.collector, event, text, Date.now() * 1000)),
      log,
      random: Math.random,
    });
  });
}
