import type { Io } from "../cli/mod.ts";
import {
  choice,
  endpointValue,
  integer,
  millisecondsValue,
  path,
  say,
  string,
  unitIdsValue,
} from "../cli/values.ts";
import { section } from "../cli/word_groups.ts";
import { argument, multiple, option, optional, type ValueOf, withDefault } from "../cli/words.ts";
import { type Config, loadConfig } from "../config/mod.ts";

export { formatOptions } from "../cli/format_options.ts";

/** The argument ENDPOINT. */
export const endpointArgument = argument(endpointValue, {
  description: say("Where the device is, see: sunspool help endpoints"),
  errors: { endOfInput: say("Missing ENDPOINT, as in: 192.168.1.20 or 192.168.1.20:1502") },
});

/** How to reach a device. */
export const deviceFlags = section("Device", {
  unit: withDefault(
    option("--unit", "-u", unitIdsValue, {
      description: say("Unit ids: 1, 1,3,126, 1-10, or auto to try those that vendors use"),
    }),
    [1],
  ),
  within: optional(
    option("--within", millisecondsValue, {
      description: say(
        "How long to search an endpoint for unit ids: with auto, and more than eight (default: 60s)",
      ),
    }),
  ),
  baseAddress: optional(
    option("--base-address", integer({ min: 0, max: 65_533, metavar: "ADDRESS" }), {
      description: say("Where the SunSpec map begins; found out when left out"),
    }),
  ),
  timeout: optional(
    option("--timeout", millisecondsValue, {
      description: say("How long to wait for an answer"),
    }),
  ),
  maxRegisters: optional(
    option("--max-registers", integer({ min: 1, max: 125, metavar: "N" }), {
      description: say("Registers to ask for at once"),
    }),
  ),
  modelsDir: optional(
    option("--models-dir", path({ metavar: "DIR" }), {
      description: say("Folder of own model definitions (*.json, smdx_*.xml)"),
    }),
  ),
});

/** What {@linkcode deviceFlags} gives. */
export type DeviceFlags = ValueOf<typeof deviceFlags>;

/** `--record`. */
export const recordOptions = section("Record", {
  record: optional(
    option("--record", path({ metavar: "FILE" }), {
      description: say("Write down every exchange with the device, for simulate --replay"),
    }),
  ),
});

/** What {@linkcode recordOptions} gives. */
export type RecordOptions = ValueOf<typeof recordOptions>;

/** `--shard`. */
export const shardOptions = section("Shard", {
  shard: optional(
    option("--shard", string({ metavar: "I/N" }), {
      description: say("Poll the I-th of N parts of the fleet; the other collectors have the rest"),
    }),
  ),
});

/** What {@linkcode shardOptions} gives. */
export type ShardOptions = ValueOf<typeof shardOptions>;

/** `--config` and `--set`. */
export const configOptions = section("Configuration", {
  config: optional(
    option("--config", "-c", path({ metavar: "FILE" }), {
      description: say("Configuration file (TOML or JSON)"),
    }),
  ),
  set: multiple(
    option("--set", string({ metavar: "KEY=VALUE" }), {
      description: say("Override one key of it, as poller.poll_interval_ms=5000; repeatable"),
    }),
  ),
  logLevel: optional(
    option("--log-level", choice(["debug", "info", "warn", "error"], { metavar: "LEVEL" }), {
      description: say("Least important line to log"),
    }),
  ),
});

/** What {@linkcode configOptions} gives. */
export type ConfigOptions = ValueOf<typeof configOptions>;

/** Flags that stand for a key of the configuration. */
const FLAG_KEYS = [
  ["logLevel", "--log-level", "log.level"],
  ["baseAddress", "--base-address", "sunspec.base_address"],
  ["timeout", "--timeout", "modbus.timeout_ms"],
  ["maxRegisters", "--max-registers", "modbus.max_batch_size"],
  ["modelsDir", "--models-dir", "sunspec.models_dir"],
  ["record", "--record", "modbus.record_file"],
  ["shard", "--shard", "collect.shard"],
] as const;

/**
 * Loads the configuration that the options name; flags override it.
 *
 * @throws {ConfigError}
 */
export function configOf(
  options: ConfigOptions & Partial<DeviceFlags & RecordOptions & ShardOptions>,
  io: Io,
): Config {
  return loadConfig({
    file: options.config,
    overrides: options.set,
    flags: FLAG_KEYS.flatMap(([name, flag, key]) => {
      const value = options[name];
      return value === undefined ? [] : [{ flag, key, value: String(value) }];
    }),
    env: (name) => io.env(name),
    envNames: io.envNames(),
  });
}
