/**
 * Checks who imports whom: `docs/architecture.md` has the table in words.
 *
 *     deno run -A scripts/layers.ts
 */
// deno-lint-ignore-file no-console

const ROOT = new URL("../", import.meta.url).pathname;

/** Layer → the layers it may import; its own files always. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  base: ["core"],
  modbus: ["core", "base"],
  avro: ["core", "base"],
  buffer: ["core", "base"],
  sunspec: ["core", "base", "modbus"],
  drivers: ["core", "base", "modbus", "sunspec", "models"],
  outputs: ["core", "base", "avro"],
  scan: ["core", "base", "modbus", "sunspec"],
  simulate: ["core", "base", "modbus", "sunspec"],
  collect: ["core", "base"],
  config: ["core", "base", "drivers/mod.ts", "outputs/mod.ts"],
  cli: ["core", "base", "drivers/mod.ts", "outputs/mod.ts"],
  compose: [
    ...["core", "base", "modbus", "avro", "buffer", "sunspec", "drivers", "outputs"],
    ...["scan", "simulate", "collect", "config", "cli"],
  ],
  commands: [
    ...["core", "base", "modbus", "avro", "buffer", "sunspec", "drivers", "outputs"],
    ...["scan", "simulate", "collect", "config", "cli", "compose"],
  ],
  main: ["commands/mod.ts", "compose/buffer_thread.ts", "cli", "config", "base"],
  models: [],
};

/** Lists of components: their other files never import each other. */
const COMPONENT_LISTS: readonly string[] = ["drivers", "outputs", "commands"];

/** The layer a file belongs to; undefined = not ours to judge. */
function layerOf(path: string): string | undefined {
  const [top = "", second = "", ...rest] = path.split("/");
  if (top === "main.ts") return "main";
  if (top === "commands" || top === "models") return top;
  if (top !== "lib") return undefined;
  return rest.length === 0 ? "base" : second;
}

/** The folder of a component's own parts, as `outputs/kafka/` is of `outputs/kafka.ts`. */
function componentOf(path: string): string {
  return path.replace(/\.ts$/, "").split("/").slice(0, path.startsWith("lib/") ? 3 : 2).join("/");
}

/** Why an import is not allowed; undefined when it is. */
function faultOf(from: string, to: string): string | undefined {
  const [layer, target] = [layerOf(from), layerOf(to)];
  if (layer === undefined || target === undefined) return undefined;
  const allowed = ALLOWED[layer];
  if (!allowed) return `the folder ${layer} is not in the table`;
  if (layer === target) {
    const isPart = !COMPONENT_LISTS.includes(layer) || from.endsWith("/mod.ts");
    return isPart || componentOf(from) === componentOf(to)
      ? undefined
      : `one of the ${layer} imports another`;
  }
  const isAllowed = allowed.some((entry) =>
    entry === target || to.endsWith(`/${entry}`) || to === entry
  );
  return isAllowed ? undefined : `${layer} may not import ${target}`;
}

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

/** Relative imports of a file, static and dynamic, as paths from the root. */
async function importsOf(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(ROOT + path);
  const found = text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g);
  return [...found].map(([, specifier = ""]) =>
    new URL(specifier, `file:///${path}`).pathname.slice(1)
  );
}

const faults: string[] = [];
let files = 0;
for (
  const path of [
    "main.ts",
    ...await Array.fromAsync(sources("lib")),
    ...await Array.fromAsync(sources("commands")),
  ]
) {
  files++;
  for (const target of await importsOf(path)) {
    const fault = faultOf(path, target);
    if (fault !== undefined) faults.push(`${path} imports ${target}: ${fault}`);
  }
}
for (const fault of faults) console.error(fault);
console.log(`layers: ${files} files, ${faults.length} faults`);
Deno.exitCode = faults.length === 0 ? 0 : 1;
