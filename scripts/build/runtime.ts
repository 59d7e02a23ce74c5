import { gzipSync } from "node:zlib";
import { cacheFolder, removeFolder, textOf } from "../services/cache.ts";
import { runOrThrow } from "../services/run.ts";

/** The machines we package for. */
export type Machine = "x64" | "arm64";

/** What differs between them. */
interface MachineFacts {
  /** As `uname -m` says it. */
  readonly machine: string;
  /** As Debian calls it. */
  readonly debian: string;
  /** The loader of glibc programs: the architecture's ELF supplement to the System V ABI. */
  readonly loader: string;
}

/** Each machine by the name that our files carry. */
export const MACHINES: Readonly<Record<Machine, MachineFacts>> = {
  x64: { machine: "x86_64", debian: "amd64", loader: "/lib64/ld-linux-x86-64.so.2" },
  arm64: { machine: "aarch64", debian: "arm64", loader: "/lib/ld-linux-aarch64.so.1" },
};

/** The path of Deno for a machine, out of its npm package and through gzip; kept between builds. */
export async function zippedRuntimeFor(machine: Machine): Promise<string> {
  const folder = `${cacheFolder()}/deno-${Deno.version.deno}-${machine}`;
  const zipped = `${folder}/deno.gz`;
  if (await textOf(`${folder}/package/package.json`) !== undefined) return zipped;
  const unfinished = `${folder}.${Deno.pid}`;
  await removeFolder(unfinished);
  await Deno.mkdir(unfinished, { recursive: true });
  try {
    await fetchInto(unfinished, machine);
    await removeFolder(folder);
    await Deno.rename(unfinished, folder);
  } finally {
    await removeFolder(unfinished);
  }
  return zipped;
}

async function fetchInto(folder: string, machine: Machine): Promise<void> {
  const name = `@deno/linux-${machine}-glibc@${Deno.version.deno}`;
  const words = ["pack", name, "--silent", "--pack-destination", folder];
  const packed = await runOrThrow("npm", words, { timeoutMs: 300_000 });
  await runOrThrow("tar", ["-xzf", `${folder}/${packed.trim()}`, "-C", folder]);
  const runtime = await Deno.readFile(`${folder}/package/deno`);
  await Deno.writeFile(`${folder}/deno.gz`, gzipSync(runtime, { level: 9 }));
  await Deno.remove(`${folder}/package/deno`);
  await Deno.remove(`${folder}/${packed.trim()}`);
}
