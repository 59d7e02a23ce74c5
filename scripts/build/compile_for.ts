import { dirname } from "node:path";
import { messageOf } from "../../lib/core/mod.ts";
import { complaint, run } from "../services/run.ts";
import { requireOurs } from "./bundle.ts";
import { V8_FLAGS } from "./launch.ts";
import { isProgramFor, TARGETS } from "./targets.ts";
import { EMULATOR, wordsToRun } from "./try.ts";

/** The runtime stub comes over the network once. */
const COMPILE_MS = 600_000;

/** What to compile, and where it goes. */
export interface Compilation {
  /** The file of our bundle that is run. */
  readonly source: string;
  /** Where the program goes once it was found to be ours; nothing is left there otherwise. */
  readonly output: string;
  /** The path of a denort; undefined = `deno compile` fetches one. */
  readonly denort: string | undefined;
}

/**
 * Compiles for one target, runs what was made where it can run, and compares its version with ours.
 *
 * @returns what can be said of it
 * @throws {Error} it could not be compiled, or is not ours
 */
export async function compileFor(
  target: string,
  { source, output, denort }: Compilation,
): Promise<string> {
  await removeFile(output);
  if (denort !== undefined && !await isThere(denort)) {
    throw new Error(`Cannot compile for ${target}: DENORT_BIN "${denort}" is not there`);
  }
  const folder = await Deno.makeTempDir({ dir: dirname(output), prefix: "compile-" });
  try {
    const program = await compile(target, { source, output: `${folder}/sunspool`, denort });
    const verdict = await tryProgram(target, program);
    await Deno.rename(program, output);
    return verdict;
  } catch (error) {
    if (denort === undefined) throw error;
    const question = `Is DENORT_BIN "${denort}" a denort for ${target}?`;
    throw new Error(`${messageOf(error)}\nNothing was kept. ${question}`, { cause: error });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** @returns the program's path */
async function compile(
  target: string,
  { source, output, denort }: Compilation,
): Promise<string> {
  const options = ["--allow-all", "--no-prompt", "--unstable-net", V8_FLAGS, "--target", target];
  const words = ["compile", "--quiet", ...options, "-o", output, source];
  const { code, stderr } = await run(Deno.execPath(), words, { timeoutMs: COMPILE_MS });
  // Programs for Windows get a suffix from deno compile.
  if (code === 0) return await isThere(output) ? output : `${output}.exe`;
  const isStub = denort === undefined && /denort/.test(stderr);
  throw new Error(
    isStub
      ? `Cannot compile for ${target}: the runtime stub (denort) of Deno ${Deno.version.deno} ` +
        "could not be fetched.\nTwo ways out: set DENORT_BIN to a denort of this version and " +
        "target, or use deno task package, which needs only npm."
      : `Cannot compile for ${target}: deno compile ended with ${code}: ${
        complaint(stderr.replace(/\s*Stack backtrace:[^]*/, ""))
      }`,
  );
}

/** That it was made says nothing: a stub of another kind, or for another machine, is taken too. */
async function tryProgram(target: string, program: string): Promise<string> {
  if (!await isProgramFor(target, program)) {
    throw new Error(`Cannot compile for ${target}: what was made is no program for it`);
  }
  const { linux } = TARGETS[target] ?? {};
  const [command, ...words] = linux ? await wordsToRun(linux, program) ?? [] : [];
  if (command === undefined) {
    const missing = linux === "aarch64" ? `there is no ${EMULATOR} here` : "not for this machine";
    return `compiled; not run: ${missing}`;
  }
  await requireOurs(command, words);
  return `runs${words.length > 0 ? " in an emulator" : ""} and says it is ours`;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function removeFile(path: string): Promise<void> {
  if (await isThere(path)) await Deno.remove(path);
}
