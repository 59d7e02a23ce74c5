import { ConfigError, messageOf } from "../core/mod.ts";
import { BUSY_TIMEOUT_MS, type Sql, SqliteCode } from "./sql.ts";

const PAGE_SIZE = 4096;
/** Room above the cap, so that rows can still be deleted and told of when it is reached. */
const SLACK_PAGES = 256;

/** What makes a file of each version out of one of the version before; 0 is an empty file. */
export const MIGRATIONS: readonly (readonly string[])[] = [[
  `CREATE TABLE telemetry_queue(
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     topic TEXT NOT NULL,
     payload BLOB NOT NULL,
     retry_count INTEGER DEFAULT 0,
     created_at INTEGER NOT NULL,
     schema TEXT NOT NULL,
     crc INTEGER NOT NULL,
     clock_synced INTEGER)`,
  "CREATE INDEX idx_created_at ON telemetry_queue(created_at)",
  `CREATE TABLE output_cursor(
     output TEXT PRIMARY KEY,
     position INTEGER NOT NULL,
     active INTEGER NOT NULL DEFAULT 1,
     note TEXT)`,
  `CREATE TABLE dead_letter(
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     output TEXT NOT NULL,
     position INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     topic TEXT NOT NULL,
     payload BLOB NOT NULL,
     schema TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     reason TEXT NOT NULL,
     rejected_at INTEGER NOT NULL)`,
  "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL)",
  "CREATE TABLE schema_text(fingerprint TEXT PRIMARY KEY, text TEXT NOT NULL)",
  `CREATE TABLE incarnation(
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     first INTEGER NOT NULL,
     last INTEGER,
     used INTEGER NOT NULL DEFAULT 0)`,
  `CREATE TABLE device_id(
     identity TEXT NOT NULL,
     place TEXT NOT NULL,
     id TEXT NOT NULL,
     PRIMARY KEY(identity, place))`,
], [
  // `output`: the only one to get the row. `header_crc`: the checksum of everything but `payload`.
  "ALTER TABLE telemetry_queue ADD COLUMN output TEXT",
  "ALTER TABLE telemetry_queue ADD COLUMN header_crc INTEGER",
  "ALTER TABLE dead_letter ADD COLUMN crc INTEGER",
  "ALTER TABLE dead_letter ADD COLUMN clock_synced INTEGER",
  // `position`: the row that tells of the gap; NULL as long as there is none.
  `CREATE TABLE gap(
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     output TEXT NOT NULL,
     first INTEGER NOT NULL,
     last INTEGER NOT NULL,
     count INTEGER NOT NULL,
     reason TEXT NOT NULL,
     since INTEGER NOT NULL,
     until INTEGER NOT NULL,
     position INTEGER)`,
  `CREATE TABLE dropped(
     output TEXT NOT NULL,
     reason TEXT NOT NULL,
     count INTEGER NOT NULL,
     PRIMARY KEY(output, reason))`,
], [
  // `handed_out`: rows up to it may be on their way. Those of them that went, one by one.
  "ALTER TABLE output_cursor ADD COLUMN handed_out INTEGER",
  `CREATE TABLE dropped_in_flight(
     output TEXT NOT NULL,
     position INTEGER NOT NULL,
     count INTEGER NOT NULL,
     reason TEXT NOT NULL,
     at REAL NOT NULL,
     PRIMARY KEY(output, position)) WITHOUT ROWID`,
], [
  // Of rows that have one, `payload` is the difference to it, and `crc` that of the whole reading.
  "ALTER TABLE telemetry_queue ADD COLUMN template INTEGER",
  // Each is there twice, under two ids that follow on each other.
  `CREATE TABLE template(
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     schema TEXT NOT NULL,
     numbers BLOB NOT NULL,
     body BLOB NOT NULL,
     crc INTEGER NOT NULL)`,
]];

/** Written into `user_version`; a file with a higher one is refused. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/** A larger number is no version of any release. */
const LARGEST_VERSION = 1000;
/** What a file keeps from its making: one of ours that says otherwise is damaged. */
const MADE_WITH = ["page_size", "auto_vacuum"];

/** How the file is to be kept. */
export interface StorageOptions {
  /** `full`: a committed reading survives a power cut; `normal`: the last ones may not. */
  readonly synchronous: "full" | "normal";
  /** The size the file may reach, in bytes. */
  readonly maxBytes: number;
}

/** Settings in the order they must be made; each is read back. */
function settings({ synchronous, maxBytes }: StorageOptions) {
  return [
    ["page_size", PAGE_SIZE],
    ["auto_vacuum", 2],
    ["busy_timeout", BUSY_TIMEOUT_MS],
    ["journal_mode", "wal"],
    ["synchronous", synchronous === "full" ? 2 : 1],
    ["wal_autocheckpoint", 1000],
    ["journal_size_limit", 8 * 1024 * 1024],
    ["max_page_count", Math.ceil(maxBytes / PAGE_SIZE) + SLACK_PAGES],
    ["trusted_schema", 0],
    ["cell_size_check", 1],
  ] as const;
}

/**
 * Makes the settings of an opened file and, in a new one, the tables.
 *
 * @throws {ConfigError} when the file is of a newer version, or a setting does not hold
 */
export function prepareFile(sql: Sql, path: string, options: StorageOptions): void {
  const version = sql.number("PRAGMA user_version");
  if (version > LARGEST_VERSION || version < 0) {
    throw corrupt(`Buffer "${path}" is corrupt: nobody counts versions up to ${version}`);
  }
  if (version > SCHEMA_VERSION) {
    throw new ConfigError(
      `Cannot use buffer "${path}": a newer sunspool wrote it (version ${version}, this one ` +
        `knows ${SCHEMA_VERSION}); use that one, or another buffer.path`,
    );
  }
  if (version === 0 && sql.number("SELECT count(*) FROM sqlite_master") > 0) {
    throw new ConfigError(
      `Cannot use buffer "${path}": another program made this file; choose another buffer.path`,
    );
  }
  const file = { sql, path, isOurs: version > 0 };
  for (const [name, value] of settings(options)) applySetting(file, name, value);
  if (version < SCHEMA_VERSION) migrate(sql);
}

/** All of it or nothing: a process that is killed meanwhile leaves the file as it was. */
function migrate(sql: Sql): void {
  sql.transaction(() => {
    // Another process may have done it while this one waited.
    const version = sql.number("PRAGMA user_version");
    if (version >= SCHEMA_VERSION) return;
    for (const statement of MIGRATIONS.slice(version).flat()) sql.run(statement);
    sql.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

function corrupt(message: string): Error {
  return Object.assign(new Error(message), { errcode: SqliteCode.corrupt });
}

function applySetting(
  { sql, path, isOurs }: { readonly sql: Sql; readonly path: string; readonly isOurs: boolean },
  name: string,
  value: number | string,
): void {
  try {
    sql.all(`PRAGMA ${name} = ${value}`);
  } catch (cause) {
    throw Object.assign(
      new Error(`Cannot set ${name} of buffer "${path}": ${messageOf(cause)}`, { cause }),
      { errcode: cause instanceof Error && "errcode" in cause ? cause.errcode : undefined },
    );
  }
  const now = Object.values(sql.get(`PRAGMA ${name}`) ?? {})[0];
  // A file that outgrew a lowered cap keeps its present size as the cap.
  if (now === value || (name === "max_page_count" && Number(now) > Number(value))) return;
  const message = `Cannot use buffer "${path}": ${name} is ${now} instead of ${value}`;
  throw isOurs && MADE_WITH.includes(name) ? corrupt(message) : new ConfigError(message);
}
