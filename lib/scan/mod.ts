/**
 * Finding devices: which addresses to try, and the sweep over them.
 *
 * @module
 */
export { isAnyUnit } from "./alias.ts";
export { type Found, sweep, type SweepCounts, type SweepOptions } from "./sweep.ts";
export { parseTargets, type Targets } from "./targets.ts";
