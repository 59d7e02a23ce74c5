/**
 * Makes what is handed to people: one self-extracting executable for each machine. It takes Deno
 * from npm, and needs no other download.
 *
 *     deno task package [--machine x64|arm64]
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { bundle, DIST } from "./build/bundle.ts";
import { makeExecutable } from "./build/extractor.ts";
import { type Machine, MACHINES, zippedRuntimeFor } from "./build/runtime.ts";
import { tryExecutable } from "./build/try.ts";

const { values } = parseArgs({ args: Deno.args, options: { machine: { type: "string" } } });
const all: readonly Machine[] = ["x64", "arm64"];
const machines = all.filter((machine) => (values.machine ?? machine) === machine);
if (machines.length === 0) {
  console.error(`Cannot package for "${values.machine}": use one of ${Object.keys(MACHINES)}`);
  Deno.exit(2);
}

const program = await Deno.readFile(await bundle());
for (const machine of machines) {
  const zippedRuntime = await Deno.readFile(await zippedRuntimeFor(machine));
  const executable = await makeExecutable(machine, { zippedRuntime, program });
  const output = `${DIST}/sunspool-linux-${machine}`;
  await Deno.writeFile(output, executable.stream(), { mode: 0o755 });
  const verdict = await tryExecutable(machine, output);
  console.log(`${output}: ${(executable.size / 1e6).toFixed(1)} MB, ${verdict}`);
}
