/**
 * The configuration: file, environment and flags, one schema.
 *
 * @module
 */
export type { DeviceConfig } from "./devices.ts";
export { allSettings, Config, type ConfigSources, loadConfig } from "./load.ts";
export { configSchema, type PrintedValue, printedValues } from "./print.ts";
export { settings } from "./settings.ts";
