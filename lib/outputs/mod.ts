/**
 * The destinations. The first whose `isDefault` says so is used when none is named.
 *
 * @module
 */
import type { OutputType } from "../core/mod.ts";
import { file } from "./file.ts";
import { kafka } from "./kafka.ts";

/** Every output; a new one is one file and one line here. */
export const outputs: readonly OutputType[] = [kafka, file];

export { topic } from "./kafka.ts";
