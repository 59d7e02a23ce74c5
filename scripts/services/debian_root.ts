import { cacheFolder, removeFolder } from "./cache.ts";
import { runOrThrow } from "./run.ts";

/** The Debian that packages are tried on: the oldest one that is still looked after. */
const RELEASE = "bookworm";

/** An archive of a root folder with a small Debian in it, whether or not it has been made. */
export function debianRoot(): string {
  return `${cacheFolder()}/debian-${RELEASE}.tar`;
}

/** Whether it has been made. */
export async function hasDebianRoot(): Promise<boolean> {
  return await Deno.stat(debianRoot()).then(({ isFile }) => isFile, () => false);
}

/** Makes it, which takes a minute. It appears whole or not at all. Needs root and debootstrap. */
export async function makeDebianRoot(): Promise<void> {
  const folder = `${debianRoot()}.d`;
  await removeFolder(folder);
  try {
    const words = ["--variant=minbase", RELEASE, folder];
    await runOrThrow("debootstrap", words, { timeoutMs: 600_000 });
    await removeFolder(`${folder}/var/cache/apt`);
    await removeFolder(`${folder}/var/lib/apt/lists`);
    await runOrThrow("tar", ["-C", folder, "-cf", `${debianRoot()}.new`, "."]);
    await Deno.rename(`${debianRoot()}.new`, debianRoot());
  } finally {
    await removeFolder(folder);
  }
}
