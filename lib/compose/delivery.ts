import type { BufferHandle } from "../buffer/mod.ts";
import type { Clock } from "../clock.ts";
import { Drain, type DrainPorts } from "../collect/mod.ts";
import { type Config, settings, warningsOf } from "../config/mod.ts";
import type { Log } from "../log.ts";
import { eventEntry } from "./buffer.ts";

/** One drain for each configured output. */
export function drainsOf(
  config: Config,
  buffer: BufferHandle,
  log: Log,
  clock: Pick<Clock, "synced">,
  observe: Pick<DrainPorts, "observeReadings" | "observeBatch" | "observeFailure">,
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
      encodeEvent: (event, text) => eventEntry(buffer.collector, event, text, clock.synced),
      log,
      random: Math.random,
    });
  });
}
