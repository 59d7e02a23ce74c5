import { join } from "node:path";
import { runOrThrow } from "../../scripts/services.ts";

/** A C file under `shims/`, without its ending. */
export type ShimName = "power_cut" | "failing_calls" | "clock_steps";

/** Compiles a shim into a folder; gives what `LD_PRELOAD` takes. */
export async function compileShim(name: ShimName, folder: string): Promise<string> {
  const source = new URL(`./shims/${name}.c`, import.meta.url).pathname;
  const target = join(folder, `${name}.so`);
  const flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-pthread"];
  await runOrThrow("cc", [...flags, "-o", target, source]);
  return target;
}
