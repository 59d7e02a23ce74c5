import type { BufferHandle } from "../buffer/mod.ts";
import type { Clock } from "../clock.ts";
import { Drain, type DrainPorts } from "../collect/mod.ts";
import { type Config, settings, warningsOf } from "../config/mod.ts";
import type { OutputType } from "../core/mod.ts";
import type { Log } from "../log.ts";
import { eventEntry } from "./buffer.ts";

/** What a delivery takes from, and whom it tells. */
export interface DeliveryPorts
  extends Pick<DrainPorts, "observeReadings" | "observeBatch" | "observeFailure"> {
  readonly buffer: BufferHandle;
  readonly clock: Pick<Clock, "synced">;
  readonly log: Log;
}

/**
 * One drain for each configured output, or for some of them.
 *
 * @throws {ConfigError} a file that an output needs cannot be used
 */
export function drainsOf(
  config: Config,
  ports: DeliveryPorts,
  types: readonly OutputType[] = config.outputs(),
): readonly Drain[] {
  const { get } = config;
  const { buffer, clock, log } = ports;
  for (const warning of warningsOf(config)) log("warn", warning);
  return types.map((type) => {
    const output = type.create(get, {
      collector: buffer.collector,
      batchSize: get(settings.buffer.batchSize),
      note: (text) => buffer.note(type.name, text),
      log: (level, message, fields) => log(level, message, { output: type.name, ...fields }),
    });
    return new Drain(output, buffer, { idleMs: get(settings.buffer.drainIntervalMs) }, {
      observeReadings: (...told) => ports.observeReadings(...told),
      observeBatch: (...told) => ports.observeBatch(...told),
      observeFailure: (...told) => ports.observeFailure(...told),
      encodeEvent: (event, text) => eventEntry(buffer.collector, event, text, clock.synced),
      log,
      random: Math.random,
    });
  });
}
