import { messageOf, RefusedError, TryLaterError } from "../core/mod.ts";
import { hasLostCommits } from "./log_damage.ts";
import { openPrivately } from "./private_file.ts";
import { brokenSeals } from "./seal.ts";
import { prepareFile, type StorageOptions } from "./schema.ts";
import { Sql, SqliteCode, sqliteCode } from "./sql.ts";

/** Files up to this size are checked whole when they are opened; larger ones row by row as they are read. */
const QUICK_CHECK_BYTES = 64 * 1024 * 1024;
/** What is checked of those in any case: it is small, and nothing works without it. */
const SMALL_TABLES = [
  "output_cursor",
  "meta",
  "schema_text",
  "incarnation",
  "gap",
  "dropped_in_flight",
] as const;

/** An opened buffer file. */
export interface OpenedFile {
  /** The database, settings made and read back. */
  readonly sql: Sql;
  /** Where a corrupt predecessor was put. */
  readonly setAside: string | undefined;
  /** Where a copy of a write-ahead log was put whose last commits cannot be read. */
  readonly damagedLog: string | undefined;
  /** Whether the positions of outputs are not those that were written. */
  readonly hasForeignPositions: boolean;
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
  const damagedLog = keepDamagedLog(path, lockOthers);
  try {
    const sql = openChecked(path, options);
    const hasForeignPositions = brokenSeals(sql).positions;
    return {
      sql,
      setAside: undefined,
      damagedLog,
      hasForeignPositions,
      formerCollector: undefined,
    };
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
  const sql = openChecked(path, options);
  return { sql, setAside, damagedLog, hasForeignPositions: false, formerCollector };
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
  // A quick check looks at no index; one that disagrees with its table fails whoever changes a row.
  if (isSuspect(path) || !haveSoundIndexes(sql)) rebuildIndexes(sql, path);
  const isWhole = isSuspect(path) || Deno.statSync(path).size <= QUICK_CHECK_BYTES;
  for (const part of isWhole ? ["1"] : SMALL_TABLES) {
    const verdict = sql.get(`PRAGMA quick_check(${part})`)?.quick_check;
    if (verdict === "ok") continue;
    throw corrupt(path, verdict);
  }
  if (brokenSeals(sql).identity) throw corrupt(path, "its name or epoch is not what was written");
  if (isWhole) forgive(path);
}

function haveSoundIndexes(sql: Sql): boolean {
  return SMALL_TABLES.every((table) =>
    sql.get(`PRAGMA integrity_check(${table})`)?.integrity_check === "ok"
  );
}

function rebuildIndexes(sql: Sql, path: string): void {
  try {
    sql.run("REINDEX");
  } catch (error) {
    throw sqliteCode(error) === SqliteCode.constraint ? corrupt(path, messageOf(error)) : error;
  }
}

function corrupt(path: string, why: unknown): Error {
  return Object.assign(new Error(`Buffer "${path}" is corrupt: ${why}`), {
    errcode: SqliteCode.corrupt,
  });
}

/** SQLite found the file corrupt while it was in use: it is checked whole when it is next opened. */
export function markSuspect(path: string): void {
  try {
    openPrivately(path + SUSPECT, path).close();
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

/** SQLite is about to forget what it cannot read of its log; while others use it, it is being written. */
function keepDamagedLog(path: string, lockOthers: () => Disposable | undefined) {
  using lock = lockOthers();
  if (!lock || !hasLostCommits(readLog(path))) return undefined;
  const target = `${corruptName(path)}-wal`;
  Deno.copyFileSync(`${path}-wal`, target);
  return target;
}

function readLog(path: string): Uint8Array {
  try {
    return Deno.readFileSync(`${path}-wal`);
  } catch {
    // There is none; or SQLite will say what is the matter with it.
    return new Uint8Array(0);
  }
}

function corruptName(path: string): string {
  return `${path}.corrupt-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
}

function moveAway(path: string): string {
  const target = corruptName(path);
  for (const suffix of ["", "-wal", "-shm"]) {
    try {
      Deno.renameSync(path + suffix, target + suffix);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return target;
}
