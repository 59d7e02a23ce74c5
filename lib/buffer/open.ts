import { RefusedError, TryLaterError } from "../core/mod.ts";
import { openPrivately } from "./private_file.ts";
import { prepareFile, type StorageOptions } from "./schema.ts";
import { Sql, SqliteCode, sqliteCode } from "./sql.ts";

/** Files up to this size are checked whole when they are opened; larger ones row by row as they are read. */
const QUICK_CHECK_BYTES = 64 * 1024 * 1024;
/** What is checked of those in any case: it is small, and nothing works without it. */
const SMALL_TABLES = ["output_cursor", "meta", "schema_text", "incarnation", "gap"] as const;

/** An opened buffer file. */
export interface OpenedFile {
  /** The database, settings made and read back. */
  readonly sql: Sql;
  /** Where a corrupt predecessor was put. */
  readonly setAside: string | undefined;
  /** The id of the collector that a corrupt predecessor belonged to, where it could be read. */
  readonly formerCollector: string | undefined;
}

/** What happens to a file that is corrupt. */
export interface ExchangeOptions {
  /** Keeps all others from the file while it is moved; undefined = one is at it. */
  lockOthers(): Disposable | undefined;
  /** Whether it is set aside: only whoever has readings to keep needs another. */
  readonly mayExchange: boolean;
}

/**
 * Opens the buffer file, which may be empty. A corrupt file is set aside under another name, and a new
 * one begun: collecting goes on, and nothing is thrown away.
 *
 * @throws {RefusedError} when the file may not be opened
 * @throws {ConfigError} when it is of a newer version or cannot be kept as asked
 * @throws {TryLaterError} when it is corrupt while somebody else uses it
 */
export function openFile(
  path: string,
  options: StorageOptions,
  { lockOthers, mayExchange }: ExchangeOptions,
): OpenedFile {
  try {
    return { sql: openChecked(path, options), setAside: undefined, formerCollector: undefined };
  } catch (error) {
    const code = sqliteCode(error);
    if (code !== SqliteCode.corrupt && code !== SqliteCode.notADatabase) {
      throw explain(path, error, code);
    }
  }
  using lock = lockOthers();
  if (!lock) {
    throw new TryLaterError(
      `Cannot use buffer "${path}": it is corrupt and still in use elsewhere`,
    );
  }
  if (!mayExchange) {
    throw new Error(
      `Cannot use buffer "${path}": it is corrupt; the next collect or poll --buffer sets it aside`,
    );
  }
  const formerCollector = readCollector(path);
  const setAside = moveAway(path);
  openPrivately(path).close();
  return { sql: openChecked(path, options), setAside, formerCollector };
}

function explain(path: string, error: unknown, code: number | undefined): unknown {
  if (code !== SqliteCode.readonly && code !== SqliteCode.cantOpen) return error;
  // SQLite makes files of its own beside it.
  return new RefusedError(`Cannot write buffer "${path}": the file or its folder is read-only`, {
    cause: error,
  });
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
  const isWhole = isSuspect(path) || Deno.statSync(path).size <= QUICK_CHECK_BYTES;
  for (const part of isWhole ? ["1"] : SMALL_TABLES) {
    const verdict = sql.get(`PRAGMA quick_check(${part})`)?.quick_check;
    if (verdict === "ok") continue;
    throw Object.assign(new Error(`Buffer "${path}" is corrupt: ${verdict}`), {
      errcode: SqliteCode.corrupt,
    });
  }
  if (isWhole) forgive(path);
}

/** SQLite found the file corrupt while it was in use: it is checked whole when it is next opened. */
export function markSuspect(path: string): void {
  try {
    openPrivately(path + SUSPECT).close();
  } catch {
    // A disk that fails: the next one to use the file finds out too.
  }
}

const SUSPECT = ".suspect";

function isSuspect(path: string): boolean {
  try {
    return Deno.statSync(path + SUSPECT).isFile;
  } catch {
    return false;
  }
}

function forgive(path: string): void {
  if (isSuspect(path)) Deno.removeSync(path + SUSPECT);
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
