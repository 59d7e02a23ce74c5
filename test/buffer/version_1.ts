import { DatabaseSync } from "node:sqlite";
import { crc32c } from "../../lib/crc32c.ts";

/** What the first version made; never to be changed. */
const TABLES: readonly string[] = [
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
];

/** Makes a file as the first version left it: rows by these names, the first a dead letter too. */
export function makeVersion1(path: string, names: readonly string[]): void {
  using file = new DatabaseSync(path);
  for (
    const statement of [
      "PRAGMA page_size = 4096",
      "PRAGMA auto_vacuum = 2",
      "PRAGMA journal_mode = wal",
      ...TABLES,
      "PRAGMA user_version = 1",
      "INSERT INTO meta VALUES('collector', 'roof'), ('epoch', '1763694000000')",
      "INSERT INTO incarnation(id, first, last, used) VALUES('of version 1', 1, NULL, 1)",
      "INSERT INTO output_cursor(output, position) VALUES('file', 1)",
      "INSERT INTO schema_text VALUES('s1', 'text of s1')",
      "INSERT INTO device_id VALUES('Helio-1', '127.0.0.1:502/1', 'Helio-1')",
    ]
  ) file.prepare(statement).all();
  const insert = file.prepare(
    "INSERT INTO telemetry_queue(topic, payload, created_at, schema, crc, clock_synced) " +
      "VALUES('readings', ?, 1763694000000, 's1', ?, 1)",
  );
  for (const name of names) {
    const payload = new TextEncoder().encode(name);
    insert.run(payload, crc32c(payload));
  }
  file.prepare(
    "INSERT INTO dead_letter(output, position, epoch, topic, payload, schema, created_at, reason, " +
      "rejected_at) SELECT 'file', id, 1763694000000, topic, payload, schema, created_at, " +
      "'message_too_large', 1763694000001 FROM telemetry_queue WHERE id = 1",
  ).run();
}
