import { dirname } from "node:path";

/** A folder, or what of the way to it is there: what it would be made in. */
export async function existingFolder(path: string): Promise<string> {
  const isThere = await Deno.stat(path).then(() => true, () => false);
  const above = dirname(path);
  return isThere || above === path ? path : await existingFolder(above);
}
