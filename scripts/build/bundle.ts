import { basename } from "node:path";
import { VERSION } from "../../lib/version.ts";

/** The project's folder. */
export const ROOT = new URL("../../", import.meta.url).pathname;

/** Where everything that is built goes. */
export const DIST = `${ROOT}dist`;

/** Where the bundle goes that is packaged. */
export const PROGRAM = `${DIST}/program`;

/** Runs Deno in the project's folder; its messages go where ours go. */
export async function deno(args: readonly string[]): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, stdin: "null" });
  return (await child.spawn().status).success;
}

/** The file of a bundle that is run. */
export const ENTRY = "sunspool.js";

/**
 * Makes the whole program JavaScript files in a new folder: {@linkcode ENTRY}, and the parts that it
 * loads when a command needs them.
 *
 * @param main the module that is run
 */
export async function bundle(folder: string, main = "main.ts"): Promise<void> {
  await bundleToCompile(folder, main);
  await findPartsLate(`${folder}/${ENTRY}`);
}

/** The same for `deno compile`, which takes along what it sees named. */
export async function bundleToCompile(folder: string, main = "main.ts"): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  const options = ["--quiet", "--platform", "deno", "--minify", "--code-splitting"];
  if (!await deno(["bundle", ...options, "--outdir", folder, main])) {
    throw new Error(`Cannot bundle ${main}: deno bundle failed`);
  }
  await Deno.rename(`${folder}/${basename(main, ".ts")}.js`, `${folder}/${ENTRY}`);
  await requireLate(folder);
}

/** How a bundle gets what CommonJS modules require: it would load half of Node at each start. */
const REQUIRE =
  /import\s*\{createRequire as (\w+)\} from "node:module";\s*var (\w+)=\1\(import\.meta\.url\);/;

/** Has that loaded when the first module requires something. */
async function requireLate(folder: string): Promise<void> {
  let changed = 0;
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(`${folder}/${name}`);
    if (!REQUIRE.test(text)) continue;
    changed++;
    const late = text.replace(
      REQUIRE,
      'var $2=(name)=>globalThis.process.getBuiltinModule("node:module")' +
        ".createRequire(import.meta.url)(name);",
    );
    await Deno.writeTextFile(`${folder}/${name}`, late);
  }
  if (changed === 0) throw new Error("The bundle requires modules in a way that is not known here");
}

/**
 * Keeps Deno from looking through the parts of all commands at each start, two hundred files. Only
 * what the entry itself loads is hidden: it does so while it may still read any file.
 */
async function findPartsLate(entry: string): Promise<void> {
  const text = await Deno.readTextFile(entry);
  await Deno.writeTextFile(
    entry,
    text.replaceAll(/\bimport\(("[^"]+")\)/g, "import(import.meta.resolve($1))"),
  );
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
