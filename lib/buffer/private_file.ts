import { closeSync, constants, fchownSync, fstatSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { ConfigError, messageOf, RefusedError } from "../core/mod.ts";

/**
 * Opens a file, and makes it and its folder where they are missing. What the buffer holds is what
 * devices say of a site: nobody else's business.
 *
 * @param beside the file that it is made for: what root makes beside a file of somebody else's is theirs
 * @throws {RefusedError} when that is not permitted, or the name has been taken by somebody else
 * @throws {ConfigError} when it is no place for a file
 */
export function openPrivately(path: string, beside: string = path): Deno.FsFile {
  try {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    requireOwn(path);
    const file = Deno.openSync(path, { create: true, write: true, read: true, mode: 0o600 });
    giveToOwnerOf(beside, path);
    return file;
  } catch (cause) {
    const message = `Cannot open buffer "${path}": ${messageOf(cause)}`;
    if (isRefusal(cause)) throw new RefusedError(message, { cause });
    throw new ConfigError(message, { cause });
  }
}

const ROOT = 0;

/** Beside the file itself, those that SQLite keeps with it. */
const SUFFIXES = ["", "-wal", "-shm", "-journal"];

/**
 * In a folder that everybody may write in, such as /tmp, somebody may have been first: with a link to
 * what we would then overwrite, or with a file that they can read.
 */
function requireOwn(path: string): void {
  const folder = dirname(path);
  if (((Deno.statSync(folder).mode ?? 0) & 0o002) === 0) return;
  for (const suffix of SUFFIXES) {
    const found = lookAt(path + suffix);
    if (!found || (!found.isSymlink && found.uid === ownUid(folder))) continue;
    throw new Deno.errors.PermissionDenied(
      `everybody may write in its folder, and "${path + suffix}" is ` +
        `${found.isSymlink ? "a link" : "somebody else's"}; choose another buffer.path`,
    );
  }
}

/** As SQLite does with its own: an owner whom root had looked after would be kept out. */
function giveToOwnerOf(beside: string, path: string): void {
  const made = lookAt(path);
  if (made?.uid !== ROOT || !made.isFile) return;
  const owner = lookAt(beside) ?? lookAt(dirname(beside));
  if (!owner || owner.uid === null || owner.gid === null || owner.uid === ROOT) return;
  // Nothing that the owner may have put there meanwhile: a link to another file, or its second name.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { uid, nlink } = fstatSync(file);
    if (uid === ROOT && nlink === 1) fchownSync(file, owner.uid, owner.gid);
  } finally {
    closeSync(file);
  }
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Who we are, as a file says that we make: to ask the system takes a permission that was given up. */
function ownUid(folder: string): number | null {
  const path = Deno.makeTempFileSync({ dir: folder, prefix: ".sunspool-" });
  try {
    return Deno.lstatSync(path).uid;
  } finally {
    Deno.removeSync(path);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable ||
    error instanceof Error && "code" in error && error.code === "EROFS";
}
