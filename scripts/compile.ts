/**
 * Compiles the program into one binary with `deno compile`.
 *
 *     deno task compile [--target TRIPLE]
 *
 * `deno compile` fetches its runtime stub (denort) from Deno's own download host; `DENORT_BIN` names
 * one that is there already.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { bundle, deno, DIST, requireOurs } from "./build/bundle.ts";

const { values } = parseArgs({ args: Deno.args, options: { target: { type: "string" } } });
const target = values.target ?? Deno.build.target;
const suffix = target.includes("windows") ? ".exe" : "";
const output = `${DIST}/sunspool-${target}${suffix}`;

const source = await bundle();
const options = [
  "--quiet",
  "--allow-all",
  "--no-prompt",
  "--unstable-net",
  "--target",
  target,
  "-o",
  output,
];
const isCompiled = await deno(["compile", ...options, source]);
if (!isCompiled) {
  console.error(
    `Cannot compile for ${target}: the runtime stub (denort) of Deno ${Deno.version.deno} could not ` +
      "be fetched.\nTwo ways out: set DENORT_BIN to a denort binary of this version, or use " +
      "deno task package, which needs only npm.",
  );
  Deno.exit(1);
}
if (target === Deno.build.target) {
  try {
    await requireOurs(output);
  } catch (error) {
    await Deno.remove(output);
    console.error(
      `${
        error instanceof Error ? error.message : error
      }\nThe file was removed. Was DENORT_BIN a denort?`,
    );
    Deno.exit(1);
  }
  console.log(`${output}: compiled, and says it is ours`);
} else {
  console.log(`${output}: compiled; it was not run, this machine is ${Deno.build.target}`);
}
