/**
 * The configuration: file, environment and flags, one schema.
 *
 * @module
 */
export type { DeviceConfig } from "./devices.ts";
export { allSettings, Config, type Origin } from "./config.ts";
export { type ConfigSources, type KeyFlag, loadConfig } from "./load.ts";
export { type Branch, configSchema, type PrintedValue, printedValues } from "./print.ts";
export { formatShard, isOfShard, type Shard } from "./shard.ts";
export { settings } from "./settings.ts";
export { obstaclesOf } from "./obstacles.ts";
export { warningsOf } from "./warnings.ts";
