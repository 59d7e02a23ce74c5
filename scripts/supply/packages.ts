import manifest from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url).pathname;

/** Used by tests alone. */
const DEVELOPMENT = ["fast-check", "modbus-serial"];

/** An npm package that the lock file names. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** SHA-512 of its archive, hexadecimal. */
  readonly sha512: string;
  /** SPDX expression of its own `package.json`. */
  readonly licence: string;
  /**
   * Whether the program is built of it; `optional` = it could be loaded by one of those, and is left
   * out of what we build; `development` = tests alone use it.
   */
  readonly use: "program" | "optional" | "development";
  /** Where Deno keeps it. */
  readonly folder: string;
  /** Those it needs, as `name@version`. */
  readonly dependencies: readonly string[];
}

/** An entry of the lock file (version 5), as far as it is used here. */
interface LockEntry {
  readonly integrity: string;
  readonly dependencies: readonly string[];
  readonly optionalDependencies: readonly string[];
}

/**
 * Every package of the lock file, by name and version.
 *
 * @throws {Error} when one is not in Deno's cache, from which its licence is read
 */
export async function lockedPackages(): Promise<LockedPackage[]> {
  const entries = await readLock();
  const uses = usesOf(entries);
  const cache = await cacheFolder();
  return await Promise.all(
    [...entries.keys()].sort().map(async (id): Promise<LockedPackage> => {
      const { name, version } = nameAndVersion(id);
      const { integrity, dependencies } = entries.get(id) ?? missing(id);
      return {
        name,
        version,
        sha512: hexOf(integrity),
        licence: await licenceOf(`${cache}/${name}/${version}/package.json`),
        folder: `${cache}/${name}/${version}`,
        use: uses.get(id) ?? "optional",
        dependencies: dependencies.map((dependency) => idOf(dependency, entries)).sort(),
      };
    }),
  );
}

async function readLock(): Promise<Map<string, LockEntry>> {
  const lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const entries: [string, Partial<LockEntry>][] = Object.entries(lock.npm);
  return new Map(entries.map(([id, { integrity = "", dependencies, optionalDependencies }]) => [
    id,
    {
      integrity,
      dependencies: dependencies ?? [],
      optionalDependencies: optionalDependencies ?? [],
    },
  ]));
}

/** What each package that is needed is needed for; the program's need is told first. */
function usesOf(entries: ReadonlyMap<string, LockEntry>): Map<string, LockedPackage["use"]> {
  const uses = new Map<string, LockedPackage["use"]>();
  const mark = (id: string, use: LockedPackage["use"]) => {
    if (uses.has(id)) return;
    uses.set(id, use);
    for (const dependency of entries.get(id)?.dependencies ?? []) {
      mark(idOf(dependency, entries), use);
    }
  };
  const roots = new Set(Object.values(manifest.imports).map(rootOf));
  const isDevelopment = (id: string) => DEVELOPMENT.includes(nameAndVersion(id).name);
  for (const id of roots) if (!isDevelopment(id)) mark(id, "program");
  for (const id of roots) if (isDevelopment(id)) mark(id, "development");
  return uses;
}

/** `npm:kafkajs@2.2.4/src/x.js` → `kafkajs@2.2.4` */
function rootOf(specifier: string): string {
  const [, id] = /^npm:((?:@[^/]+\/)?[^/]+)/.exec(specifier) ?? [];
  return id ?? missing(specifier);
}

/** A dependency stands without its version where the lock file has one version of it only. */
function idOf(dependency: string, entries: ReadonlyMap<string, LockEntry>): string {
  if (entries.has(dependency)) return dependency;
  const found = [...entries.keys()].filter((id) => nameAndVersion(id).name === dependency);
  return found.length === 1 && found[0] !== undefined ? found[0] : missing(dependency);
}

function nameAndVersion(id: string): { readonly name: string; readonly version: string } {
  const [, name, version] = /^(@?[^@]+)@([^_]+)/.exec(id) ?? [];
  if (name === undefined || version === undefined) return missing(id);
  return { name, version };
}

function missing(id: string): never {
  throw new Error(`deno.lock has no package "${id}"`);
}

function hexOf(integrity: string): string {
  const [, base64] = /^sha512-(.+)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`deno.lock has no SHA-512 in "${integrity}"`);
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Where Deno keeps the packages of the registry. */
async function cacheFolder(): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stdin: "null" });
  const { npmCache } = JSON.parse(new TextDecoder().decode((await child.output()).stdout));
  const [registry] = [...Deno.readDirSync(npmCache)].filter(({ isDirectory }) => isDirectory);
  return `${npmCache}/${registry?.name}`;
}

async function licenceOf(path: string): Promise<string> {
  try {
    const { license } = JSON.parse(await Deno.readTextFile(path));
    return typeof license === "string" ? license : String(license?.type ?? "none named");
  } catch (cause) {
    throw new Error(`Cannot read "${path}": do: deno install`, { cause });
  }
}
