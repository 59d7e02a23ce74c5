import { dirname } from "node:path";
import { ConfigError, messageOf, RefusedError } from "../core/mod.ts";
import { prepareFile, type StorageOptions } from "./schema.ts";
import { Sql, SqliteCode, sqliteCode } from "./sql.ts";

/** Files up to this size are checked whole when they are opened; larger ones row by row as they are read. */
const QUICK_CHECK_BYTES = 64 * 1024 * 1024;

/** An opened buffer file. */
export interface OpenedFile {
  /** The database, settings made and read back. */
  readonly sql: Sql;
  /** Where a corrupt predecessor was put. */
  readonly setAside: string | undefined;
  /** The id of the collector that a corrupt predecessor belonged to, where it could be read. */
  readonly formerCollector: string | undefined;
}

/**
 * Opens the buffer file, or makes it. A corrupt file is set aside under another name, and a new
 * one begun: collecting goes on, and nothing is thrown away.
 *
 * @throws {RefusedError} when the file may not be opened
 * @throws {ConfigError} when it is of a newer version or cannot be kept as asked
 */
export function openFile(path: string, options: StorageOptions): OpenedFile {
  createPrivately(path);
  try {
    return { sql: openChecked(path, options), setAside: undefined, formerCollector: undefined };
  } catch (error) {
    const code = sqliteCode(error);
    if (code !== SqliteCode.corrupt && code !== SqliteCode.notADatabase) {
      throw explain(path, error, code);
    }
  }
  const formerCollector = readCollector(path);
  const setAside = moveAway(path);
  createPrivately(path);
  return { sql: openChecked(path, options), setAside, formerCollector };
}

function explain(path: string, error: unknown, code: number | undefined): unknown {
  if (code === SqliteCode.readonly) {
    return new RefusedError(`Cannot write buffer "${path}": the file is read-only`, {
      cause: error,
    });
  }
  return error;
}

/** The buffer holds what devices say of a site: nobody else's business. */
function createPrivately(path: string): void {
  try {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    Deno.openSync(path, { create: true, write: true, read: true, mode: 0o600 }).close();
  } catch (cause) {
    const message = `Cannot open buffer "${path}": ${messageOf(cause)}`;
    if (cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable) {
      throw new RefusedError(message, { cause });
    }
    throw new ConfigError(message, { cause });
  }
}

function openChecked(path: string, options: StorageOptions): Sql {
  const sql = new Sql(path);
  try {
    prepareFile(sql, path, options);
    quickCheck(sql, path);
    return sql;
  } catch (error) {
    sql[Symbol.dispose]();
    throw error;
  }
}

function quickCheck(sql: Sql, path: string): void {
  if (Deno.statSync(path).size > QUICK_CHECK_BYTES) return;
  const verdict = sql.get("PRAGMA quick_check(1)")?.quick_check;
  if (verdict === "ok") return;
  throw Object.assign(new Error(`Buffer "${path}" is corrupt: ${verdict}`), {
    errcode: SqliteCode.corrupt,
  });
}

/** The damage may be elsewhere: the collector keeps its name if that can still be read. */
function readCollector(path: string): string | undefined {
  try {
    using sql = new Sql(path, { readOnly: true });
    const value = sql.get("SELECT value FROM meta WHERE key = 'collector'")?.value;
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

function moveAway(path: string): string {
  const target = `${path}.corrupt-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
  for (const suffix of ["", "-wal", "-shm"]) {
    try {
      Deno.renameSync(path + suffix, target + suffix);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return target;
}
