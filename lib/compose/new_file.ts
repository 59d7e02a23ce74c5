import { ConfigError, messageOf, RefusedError, TryLaterError } from "../core/mod.ts";

/**
 * Makes a file that is whole or not there, for its owner alone.
 *
 * @param fill writes an empty file of another name
 * @throws {ConfigError} it is there already, or has no place to be
 * @throws {TryLaterError} the disk is full, or another process makes it
 */
export async function makeFile(
  path: string,
  fill: (path: string) => void | Promise<void>,
): Promise<void> {
  const partial = `${path}.partial`;
  try {
    if (isThere(path)) throw new ConfigError(`Cannot write "${path}": it is there already`);
    (await Deno.open(partial, { write: true, createNew: true, mode: 0o600 })).close();
  } catch (cause) {
    throw refusal(path, cause);
  }
  try {
    await fill(partial);
    using file = await Deno.open(partial, { write: true });
    await file.sync();
    await Deno.rename(partial, path);
  } catch (cause) {
    await Deno.remove(partial);
    throw refusal(path, cause);
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function refusal(path: string, cause: unknown): unknown {
  const message = `Cannot write "${path}": ${messageOf(cause)}`;
  if (cause instanceof Deno.errors.PermissionDenied) return new RefusedError(message, { cause });
  if (cause instanceof Deno.errors.NotFound) return new ConfigError(message, { cause });
  if (cause instanceof Deno.errors.AlreadyExists) {
    return new TryLaterError(`${message}; another process makes it, or was stopped while it did`, {
      cause,
    });
  }
  if (isDiskFull(cause)) {
    return new TryLaterError(`Cannot write "${path}": the disk is full; free some of it`, {
      cause,
    });
  }
  return cause;
}

/** As a file says it, or SQLite: the text of its code for it, which node's backup() hides. */
function isDiskFull(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return cause.message === "database or disk is full" || "code" in cause && cause.code === "ENOSPC";
}
