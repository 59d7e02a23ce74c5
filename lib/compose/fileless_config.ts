import type { Io } from "../cli/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import { sunspecDefinitions } from "../drivers/mod.ts";
import { certificatesOf } from "./certificates.ts";
import { configOf, type ConfigOptions, type DeviceFlags, type RecordOptions } from "./options.ts";
import { recorderOf } from "./recorder.ts";

/**
 * Loads the configuration as {@linkcode configOf} does, for commands that need no file after their
 * start: model definitions and certificates are read as well, then files can be neither read nor
 * written any more.
 *
 * @throws {ConfigError}
 */
export async function filelessConfigOf(
  options: ConfigOptions & Partial<DeviceFlags & RecordOptions>,
  io: Io,
): Promise<Config> {
  const config = configOf(options, io);
  await sunspecDefinitions(config.get(settings.sunspec.modelsDir));
  certificatesOf(config);
  recorderOf(config);
  io.giveUp(["read", "write", "sys"]);
  return config;
}
