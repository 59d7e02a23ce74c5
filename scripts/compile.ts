/**
 * Compiles the program into one binary for each target with `deno compile`.
 *
 *     deno task compile [--target TRIPLE|all]
 *
 * `deno compile` fetches its runtime stub (denort) from Deno's own download host; `DENORT_BIN` names
 * one that is there already. Ends with 1 when a target failed, with 2 when there is no such target.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { bundleToCompile, DIST, ENTRY, PROGRAM } from "./build/bundle.ts";
import { compileFor } from "./build/compile_for.ts";
import { TARGETS, targetsOf } from "./build/targets.ts";

const { values } = parseArgs({ args: Deno.args, options: { target: { type: "string" } } });
const word = values.target ?? Deno.build.target;
const targets = targetsOf(word);
if (!targets) {
  const known = [...Object.keys(TARGETS), "all"].join(", ");
  console.error(`Cannot compile for "${word}": use one of ${known}`);
  Deno.exit(2);
}
await bundleToCompile(PROGRAM);
const source = `${PROGRAM}/${ENTRY}`;
const denort = Deno.env.get("DENORT_BIN") || undefined;
let failed = 0;
for (const target of targets) {
  const output = `${DIST}/sunspool-${target}${TARGETS[target]?.suffix ?? ""}`;
  try {
    console.log(`${output}: ${await compileFor(target, { source, output, denort })}`);
  } catch (error) {
    failed++;
    console.error(error instanceof Error ? error.message : error);
  }
}
Deno.exit(failed === 0 ? 0 : 1);
