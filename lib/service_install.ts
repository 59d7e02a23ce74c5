import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { messageOf, NotFoundError, RefusedError } from "./core/mod.ts";
import { replaceFile } from "./replace_file.ts";
import type { ServiceFile } from "./service_units.ts";

/** Where service files are put, and what may be lost. */
export interface InstallOptions {
  /** The folder that is the root of the machine they are for; empty = this one. */
  readonly root: string;
  /** Whether files go that somebody else wrote or changed. */
  readonly force: boolean;
}

/** Where a package of the distribution has its unit; one below /etc would hide it. */
const PACKAGED = [
  "/usr/lib/systemd/system/sunspool.service",
  "/lib/systemd/system/sunspool.service",
] as const;

/** There while the manager starts something by itself. */
const ENABLED = [
  "/etc/systemd/system/multi-user.target.wants/sunspool.service",
  "/etc/systemd/system/timers.target.wants/sunspool-poll.timer",
  "/etc/systemd/system/timers.target.wants/sunspool-drain.timer",
] as const;

/**
 * Puts files in their places, each whole or not at all; nothing is written when one of them may
 * not be.
 *
 * @returns the paths that were written; those are left out that were the same already
 * @throws {RefusedError} somebody else's file would go, or the system does not let us
 */
export async function installFiles(
  files: readonly ServiceFile[],
  options: InstallOptions,
): Promise<readonly string[]> {
  const { root } = options;
  await requireFolder(root);
  for (const path of PACKAGED) {
    if (options.force || await stateOf(root + path) === undefined) continue;
    throw new RefusedError(
      `Cannot install: "${root + path}" is of a package, whose units are used already; ` +
        "--force puts these before them",
    );
  }
  await requireOurs(files, options);
  const written: string[] = [];
  for (const { path, text } of files) {
    const target = root + path;
    const marked = withMark(text);
    if (await stateOf(target) === marked) continue;
    await explained(target, async () => {
      await Deno.mkdir(dirname(target), { recursive: true });
      await replaceFile(target, marked);
    });
    written.push(target);
  }
  return written;
}

/**
 * Removes what {@linkcode installFiles} wrote; nothing when one of the files may not be.
 *
 * @returns the paths that are gone
 * @throws {RefusedError} somebody else's file would go, it is enabled, or the system does not let us
 */
export async function uninstallFiles(
  files: readonly ServiceFile[],
  options: InstallOptions,
): Promise<readonly string[]> {
  const { root } = options;
  await requireFolder(root);
  for (const path of ENABLED) {
    if (await stateOf(root + path) === undefined) continue;
    const unit = path.slice(path.lastIndexOf("/") + 1);
    const where = root === "" ? "--now" : `--root=${root}`;
    throw new RefusedError(
      `Cannot uninstall: ${unit} is enabled; first: systemctl disable ${where} ${unit}`,
    );
  }
  await requireOurs(files, options);
  const removed: string[] = [];
  for (const { path } of files) {
    const target = root + path;
    if (await stateOf(target) === undefined) continue;
    await explained(target, () => Deno.remove(target));
    removed.push(target);
    // Other drop-ins may be in it.
    if (target.includes(".service.d/")) await Deno.remove(dirname(target)).catch(() => {});
  }
  return removed;
}

async function requireFolder(root: string): Promise<void> {
  const isFolder = await Deno.stat(`${root}/`).then((info) => info.isDirectory, () => false);
  if (!isFolder) throw new NotFoundError(`Cannot use --root "${root}": there is no such folder`);
}

/** What was printed into its place, or written by any version, may be written anew. */
async function requireOurs(
  files: readonly ServiceFile[],
  { root, force }: InstallOptions,
): Promise<void> {
  if (force) return;
  for (const { path, text } of files) {
    const found = await stateOf(root + path);
    if (found === undefined || found === text || hasMark(found)) continue;
    throw new RefusedError(
      `Cannot replace or remove "${root + path}": it was changed, or written by somebody else; ` +
        "nothing is done without --force",
    );
  }
}

/** What a file holds, empty for anything that is not a file; undefined when nothing is there. */
async function stateOf(path: string): Promise<string | undefined> {
  return await explained(path, async () => {
    try {
      return (await Deno.lstat(path)).isFile ? await Deno.readTextFile(path) : "";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  });
}

const MARK = "# As written by sunspool systemd install: ";

/** The last line tells whether the others are as they were written. */
function withMark(text: string): string {
  return `${text}${MARK}${createHash("sha256").update(text).digest("hex")}\n`;
}

function hasMark(text: string): boolean {
  const at = text.lastIndexOf(MARK);
  return at >= 0 && withMark(text.slice(0, at)) === text;
}

async function explained<T>(path: string, job: () => Promise<T>): Promise<T> {
  try {
    return await job();
  } catch (cause) {
    const message = `Cannot change "${path}": ${messageOf(cause)}`;
    if (!(cause instanceof Deno.errors.PermissionDenied)) throw new Error(message, { cause });
    throw new RefusedError(`${message}; it takes root, or a folder of yours with --root`, {
      cause,
    });
  }
}
