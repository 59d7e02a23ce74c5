/**
 * What is measured.
 *
 * @module
 */
import { collect } from "./collect/mod.ts";
import { read } from "./commands/read.ts";
import { scan } from "./commands/scan.ts";
import { startUp } from "./commands/start_up.ts";
import { drain } from "./drain/mod.ts";
import type { Measurement } from "./measurement.ts";
import { memory } from "./memory.ts";

/** In the order of the report. */
export const measurements: readonly Measurement[] = [collect, drain, scan, read, startUp, memory];
