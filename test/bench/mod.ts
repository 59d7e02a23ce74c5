/**
 * What is measured.
 *
 * @module
 */
import { collect } from "./collect/mod.ts";
import type { Measurement } from "./measurement.ts";

/** In the order of the report. */
export const measurements: readonly Measurement[] = [collect];
