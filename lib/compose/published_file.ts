import { messageOf, RefusedError } from "../core/mod.ts";

/** The text of a file; empty when it cannot be read. */
export async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}

/**
 * Puts a file that everybody may read in the place of the one before: whoever reads sees one of the
 * two, whole.
 *
 * @throws {RefusedError} that is not permitted, or something else than a file has the name
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  // Until it is whole its name ends in no way that anybody looks for.
  const partial = `${path}.${crypto.randomUUID()}.partial`;
  try {
    await requireFile(path);
    await Deno.writeTextFile(partial, text, { createNew: true });
    await Deno.chmod(partial, 0o644);
    await Deno.rename(partial, path);
  } catch (cause) {
    await Deno.remove(partial).catch(() => {});
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
