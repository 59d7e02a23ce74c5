import { dirname } from "node:path";

/** A folder, or what of the way to it is there: what it would be made in. */
export async function existingFolder(path: string): Promise<string> {
  const isThere = await Deno.stat(path).then(() => true, () => false);
  const above = dirname(path);
  return isThere || above === path ? path : await existingFolder(above);
}

/**
 * Makes a file in a folder, and removes it.
 *
 * @throws what keeps from it
 */
export async function tryToWrite(folder: string): Promise<void> {
  await Deno.remove(await Deno.makeTempFile({ dir: folder, prefix: ".probe-" }));
}
