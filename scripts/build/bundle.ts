import { VERSION } from "../../lib/version.ts";

/** The project's folder. */
export const ROOT = new URL("../../", import.meta.url).pathname;

/** Where everything that is built goes. */
export const DIST = `${ROOT}dist`;

/** Runs Deno in the project's folder; its messages go where ours go. */
export async function deno(args: readonly string[]): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, stdin: "null" });
  return (await child.spawn().status).success;
}

/**
 * Makes the whole program one JavaScript file.
 *
 * @returns its path
 */
export async function bundle(): Promise<string> {
  await Deno.mkdir(DIST, { recursive: true });
  const target = `${DIST}/sunspool.js`;
  const options = ["--quiet", "--platform", "deno", "--minify"];
  if (!await deno(["bundle", ...options, "-o", target, "main.ts"])) {
    throw new Error("Cannot bundle main.ts: deno bundle failed");
  }
  return target;
}

/**
 * Runs what was built and compares its version with ours: a build tool's exit code proves nothing.
 *
 * @throws {Error} when it does not run or is not ours
 */
export async function requireOurs(program: string, args: readonly string[] = []): Promise<void> {
  const { stdout, code } = await new Deno.Command(program, {
    args: [...args, "version", "--json"],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  const isOurs = code === 0 && text.includes(`"sunspool": ${JSON.stringify(VERSION)}`);
  if (!isOurs) {
    throw new Error(
      `"${program}" is not sunspool ${VERSION}: it exits ${code} and says "${text.trim()}"`,
    );
  }
}
