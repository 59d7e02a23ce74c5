import { dirname } from "node:path";
import { ConfigError, messageOf, RefusedError } from "../core/mod.ts";

/**
 * Opens a file, and makes it and its folder where they are missing. What the buffer holds is what
 * devices say of a site: nobody else's business.
 *
 * @throws {RefusedError} when that is not permitted
 * @throws {ConfigError} when it is no place for a file
 */
export function openPrivately(path: string): Deno.FsFile {
  try {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    return Deno.openSync(path, { create: true, write: true, read: true, mode: 0o600 });
  } catch (cause) {
    const message = `Cannot open buffer "${path}": ${messageOf(cause)}`;
    if (isRefusal(cause)) throw new RefusedError(message, { cause });
    throw new ConfigError(message, { cause });
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable ||
    error instanceof Error && "code" in error && error.code === "EROFS";
}
