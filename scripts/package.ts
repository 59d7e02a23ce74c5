/**
 * Makes what is handed to people: one self-extracting executable and one Debian package for
 * each machine. It takes Deno from npm, and needs no other download; and GNU tar and dpkg-deb.
 *
 *     deno task package [--machine x64|arm64]
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { messageOf } from "../lib/core/mod.ts";
import { VERSION } from "../lib/version.ts";
import { bundle, DIST, PROGRAM, ROOT } from "./build/bundle.ts";
import { makeDeb } from "./build/deb.ts";
import { type Contents, makeExecutable } from "./build/extractor.ts";
import { type Machine, MACHINES, zippedRuntimeFor } from "./build/runtime.ts";
import { tryExecutable } from "./build/try.ts";
import { findCommand, run } from "./services/run.ts";
import { thirdPartyNotices } from "./supply/notices.ts";
import { lockedPackages } from "./supply/packages.ts";

const { values } = parseArgs({ args: Deno.args, options: { machine: { type: "string" } } });
const all: readonly Machine[] = ["x64", "arm64"];
const machines = all.filter((machine) => (values.machine ?? machine) === machine);
if (machines.length === 0) {
  console.error(`Cannot package for "${values.machine}": use one of ${Object.keys(MACHINES)}`);
  Deno.exit(2);
}

// Folders of a package are readable whoever makes it.
Deno.umask(0o022);
try {
  await requireTools();
  await bundle(PROGRAM);
  await Deno.writeTextFile(`${PROGRAM}/licences.txt`, await licences());
  for (const machine of machines) await pack(machine);
} catch (error) {
  console.error(messageOf(error));
  Deno.exitCode = 1;
}

async function requireTools(): Promise<void> {
  for (const tool of ["npm", "tar", "dpkg-deb"]) {
    if (await findCommand(tool) !== undefined) continue;
    throw new Error(`Cannot package: there is no ${tool} here; install it (dpkg-deb is in dpkg)`);
  }
}

/** They have to be in every copy. */
async function licences(): Promise<string> {
  const own = await Deno.readTextFile(`${ROOT}LICENSE`);
  return `${own}\n${await thirdPartyNotices(await lockedPackages())}`;
}

async function pack(machine: Machine): Promise<void> {
  const zippedRuntime = await Deno.readFile(await zippedRuntimeFor(machine));
  const contents = { zippedRuntime, program: PROGRAM };
  const executable = await makeExecutable(machine, contents);
  const output = `${DIST}/sunspool-linux-${machine}`;
  await Deno.writeFile(output, executable.stream(), { mode: 0o755 });
  const verdict = await tryExecutable(machine, output);
  console.log(`${output}: ${megabytes(executable.size)}, ${verdict}`);
  await packDeb(machine, contents);
}

async function packDeb(machine: Machine, contents: Contents): Promise<void> {
  const output = `${DIST}/sunspool_${VERSION}_${MACHINES[machine].debian}.deb`;
  await makeDeb(machine, contents, { output, time: await timeOfCommit() });
  console.log(`${output}: ${megabytes((await Deno.stat(output)).size)}`);
}

/** When the newest commit was made, so that a commit gives the same bytes whenever it is packaged. */
async function timeOfCommit(): Promise<number> {
  const { code, stdout } = await run("git", ["-C", ROOT, "log", "-1", "--format=%ct"]);
  return code === 0 ? Number(stdout) : 0;
}

function megabytes(size: number): string {
  return `${(size / 1e6).toFixed(1)} MB`;
}
