import { messageOf, RefusedError } from "../core/mod.ts";
import { replaceFile } from "../replace_file.ts";

/** The text of a file; empty when it cannot be read. */
export async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}

/**
 * Replaces a file that others watch.
 *
 * @throws {RefusedError} that is not permitted, or something else than a file has the name
 */
export async function publishFile(path: string, text: string): Promise<void> {
  try {
    await requireFile(path);
    await replaceFile(path, text);
  } catch (cause) {
    const message = `Cannot write "${path}": ${messageOf(cause)}`;
    if (cause instanceof Deno.errors.PermissionDenied) throw new RefusedError(message, { cause });
    throw new Error(message, { cause });
  }
}

/** Not `/dev/stdout`, nor a link that somebody made. */
async function requireFile(path: string): Promise<void> {
  const found = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (!found || found.isFile) return;
  throw new Deno.errors.PermissionDenied("something else than a file has that name");
}
