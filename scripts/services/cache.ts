import { homedir } from "node:os";

/** The folder that keeps what tests fetch once: `$SUNSPOOL_CACHE`, else below the user's cache. */
export function cacheFolder(): string {
  const chosen = Deno.env.get("SUNSPOOL_CACHE");
  if (chosen) return chosen;
  const user = Deno.env.get("XDG_CACHE_HOME") || `${homedir()}/.cache`;
  return `${user}/sunspool-test`;
}

/** The text of a file, `undefined` when it cannot be read. */
export async function textOf(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return undefined;
  }
}

/** Removes a folder with all it holds; one that is not there is no fault. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
