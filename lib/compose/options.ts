import { object } from "@optique/core/constructs";
import { multiple, optional } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { option } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { type DeviceFlags, type Io, say } from "../cli/mod.ts";
import { type Config, loadConfig } from "../config/mod.ts";

/** `--config` and `--set`. */
export const configOptions = object("Configuration", {
  config: optional(
    option("--config", "-c", string({ metavar: "FILE" }), {
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
export type ConfigOptions = InferValue<typeof configOptions>;

/** Flags that stand for a key of the configuration. */
const FLAG_KEYS = {
  logLevel: "log.level",
  baseAddress: "sunspec.base_address",
  timeout: "modbus.timeout_ms",
  maxRegisters: "modbus.max_batch_size",
  modelsDir: "sunspec.models_dir",
} as const;

/**
 * Loads the configuration that the options name; flags override it.
 *
 * @throws {ConfigError}
 */
export function configOf(options: ConfigOptions & Partial<DeviceFlags>, io: Io): Config {
  const flags = Object.entries(FLAG_KEYS).flatMap(([flag, key]) => {
    const value = Object.entries(options).find(([name]) => name === flag)?.[1];
    return value === undefined ? [] : [`${key}=${value}`];
  });
  return loadConfig({
    file: options.config,
    overrides: [...options.set, ...flags],
    env: (name) => io.env(name),
  });
}
