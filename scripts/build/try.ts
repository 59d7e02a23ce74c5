import { findCommand, runOrThrow } from "../services/run.ts";
import { ENTRY, requireOurs } from "./bundle.ts";
import { LAUNCH_WORDS } from "./launch.ts";
import { type Machine, MACHINES } from "./runtime.ts";

/** Runs arm64 programs on other machines. */
export const EMULATOR = "qemu-aarch64-static";
/** Where Debian's package libc6-arm64-cross puts the libraries. */
const ARM64_ROOT = "/usr/aarch64-linux-gnu";

/** How the launcher calls the unpacked program in `folder`. */
export function programWords(folder: string): string[] {
  return [...LAUNCH_WORDS, `${folder}/program/${ENTRY}`];
}

/** The words before {@linkcode programWords} that run a machine's unpacked Deno here; undefined = none can. */
export async function runnerFor(machine: Machine, folder: string): Promise<string[] | undefined> {
  return await wordsToRun(MACHINES[machine].machine, `${folder}/sunspool`);
}

/** The words that run a Linux program of an architecture here; undefined = none can. */
export async function wordsToRun(arch: string, program: string): Promise<string[] | undefined> {
  if (Deno.build.os === "linux" && arch === Deno.build.arch) return [program];
  const emulator = arch === "aarch64" ? await findCommand(EMULATOR) : undefined;
  return emulator === undefined ? undefined : [emulator, "-L", ARM64_ROOT, program];
}

/**
 * Unpacks an executable, runs it here or in an emulator, and compares its version with ours.
 *
 * @returns what can be said of it
 * @throws {Error} it is not ours
 */
export async function tryExecutable(machine: Machine, executable: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "sunspool-try-" });
  try {
    await runOrThrow("sh", [executable, "--unpack", folder]);
    const [command, ...words] = await runnerFor(machine, folder) ?? [];
    if (command === undefined) return `not run: there is no ${EMULATOR} here`;
    await requireOurs(command, [...words, ...programWords(folder)]);
    const emulated = words.length > 0 ? " in an emulator" : "";
    return `runs${emulated} and says it is ours`;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
