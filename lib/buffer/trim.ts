import type { Retention, TrimReport } from "../core/mod.ts";
import type { Cursors } from "./cursors.ts";
import type { Sql } from "./sql.ts";

/** Rows deleted in one transaction, so that readings never wait long for the file. */
const CHUNK = 5000;
/** Pages given back in one step. */
const VACUUM_PAGES = 1000;

/** Drops what is delivered, then what is too old or too much; gives the space back. */
export function trimQueue(
  sql: Sql,
  cursors: Cursors,
  retention: Retention,
  now: number,
): TrimReport {
  const before = fileBytes(sql);
  noteLatest(sql);
  const delivered = dropDelivered(sql, cursors);
  const aged = dropOld(sql, cursors, now - retention.maxAgeSeconds * 1000);
  const excess = dropExcess(sql, cursors, retention.maxBytes);
  sql.all(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
  return { delivered, dropped: aged + excess, freedBytes: Math.max(before - fileBytes(sql), 0) };
}

/** The latest time that any row ever had, Unix milliseconds; 0 = there was none. */
export function latestTime(sql: Sql): number {
  const noted = sql.number("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'latest_time'");
  return Math.max(noted, sql.number("SELECT max(created_at) FROM telemetry_queue"));
}

/** Rows take their time along when they go. */
function noteLatest(sql: Sql): void {
  const latest = String(latestTime(sql));
  sql.run(
    "INSERT INTO meta VALUES('latest_time', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value " +
      "WHERE value <> excluded.value",
    latest,
  );
}

function dropDelivered(sql: Sql, cursors: Cursors): number {
  const through = cursors.delivered();
  let dropped = 0;
  for (;;) {
    const { changes } = sql.run(
      "DELETE FROM telemetry_queue WHERE id IN " +
        "(SELECT id FROM telemetry_queue WHERE id <= ? ORDER BY id LIMIT ?)",
      through,
      CHUNK,
    );
    dropped += changes;
    if (changes < CHUNK) return dropped;
  }
}

/** A time that nobody vouches for says nothing about age. */
const IS_SYNCED = "coalesce(clock_synced, 1) = 1";

/** Drops rows up to the first that is not old: one with a wrong time takes no good ones along. */
function dropOld(sql: Sql, cursors: Cursors, before: number): number {
  const newest = newestOld(sql, before, Number.MAX_SAFE_INTEGER);
  if (newest === undefined) return 0;
  const { fresh } = sql.get(
    `SELECT min(id) AS fresh FROM telemetry_queue WHERE id < ? AND +created_at >= ? AND ${IS_SYNCED}`,
    newest,
    before,
  ) ?? {};
  const last = fresh ? newestOld(sql, before, Number(fresh)) : newest;
  return last === undefined ? 0 : dropThrough(sql, cursors, last, "max_age");
}

/** The newest row before row `end` that is old. */
function newestOld(sql: Sql, before: number, end: number): number | undefined {
  const { last } = sql.get(
    // Without being told, SQLite looks for it backwards through all rows.
    "SELECT max(id) AS last FROM telemetry_queue INDEXED BY idx_created_at " +
      `WHERE created_at < ? AND ${IS_SYNCED} AND id < ?`,
    before,
    end,
  ) ?? {};
  return last ? Number(last) : undefined;
}

/** Drops the oldest rows until the pages in use fit; each chunk is an estimate, then measured. */
function dropExcess(sql: Sql, cursors: Cursors, maxBytes: number): number {
  let dropped = 0;
  for (;;) {
    const excess = usedBytes(sql) - maxBytes;
    const span = sql.get(
      "SELECT (SELECT min(id) FROM telemetry_queue) AS first, " +
        "(SELECT max(id) FROM telemetry_queue) AS last",
    );
    if (excess <= 0 || !span?.first) return dropped;
    const first = Number(span.first);
    const rows = Number(span.last) - first + 1;
    const share = Math.ceil(rows * excess / (excess + maxBytes));
    const last = first + Math.min(Math.max(share, 1), CHUNK, rows) - 1;
    const gone = dropThrough(sql, cursors, last, "max_bytes");
    // The gap records themselves take room: with nothing else left, stop.
    if (rows <= 2) return dropped + gone;
    dropped += gone;
  }
}

function dropThrough(sql: Sql, cursors: Cursors, last: number, reason: string): number {
  return sql.transaction(() => {
    const span = sql.get(
      "SELECT min(id) AS first, min(created_at) AS since, max(created_at) AS until " +
        "FROM telemetry_queue WHERE id <= ?",
      last,
    );
    if (!span?.first) return 0;
    const time = { from: Number(span.since) * 1000, to: Number(span.until) * 1000 };
    const gaps = cursors.gapsBy(Number(span.first), last, reason, time);
    const { changes } = sql.run("DELETE FROM telemetry_queue WHERE id <= ?", last);
    cursors.record(gaps);
    return changes;
  });
}

function fileBytes(sql: Sql): number {
  return sql.number("PRAGMA page_count") * sql.number("PRAGMA page_size");
}

function usedBytes(sql: Sql): number {
  const pages = sql.number("PRAGMA page_count") - sql.number("PRAGMA freelist_count");
  return pages * sql.number("PRAGMA page_size");
}
