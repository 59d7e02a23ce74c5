/**
 * The device families, in the order in which they are tried.
 *
 * @module
 */
import type { Driver } from "../core/mod.ts";
import { sunspec } from "./sunspec.ts";

/** Every driver; a new family is one file and one line here. */
export const drivers: readonly Driver[] = [sunspec];

export { sunspecDefinitions } from "./sunspec.ts";
