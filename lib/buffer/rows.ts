import type { Entry, NewEntry, ReadLimit } from "../core/mod.ts";
import { crc32c } from "./crc32c.ts";
import type { Row, Sql } from "./sql.ts";

/** Rows fetched at once: a batch may end long before the rows do. `iterate()` hides errors. */
const READ_AHEAD = 200;

/** A row of the log as it is read. */
export interface LogRow extends Entry {
  /** The only output that is to have it; null = all. */
  readonly output: string | null;
}

/** Where a row is to go. */
export interface Destination {
  /** The topic. */
  readonly topic: string;
  /** The only output that is to have it; left out: all. */
  readonly output?: string;
}

/** The rows of the log, each with checksums of all that was written. */
export class Rows {
  readonly #sql: Sql;

  /** On the tables of a buffer file. */
  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Appends a row; gives its position. */
  insert(entry: NewEntry, { topic, output }: Destination): number {
    const { payload, createdAt, schema, clockSynced } = entry;
    const synced = clockSynced === null ? null : Number(clockSynced);
    return this.#sql.run(
      "INSERT INTO telemetry_queue" +
        "(topic, payload, created_at, schema, crc, clock_synced, output, header_crc) " +
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
      ...[topic, payload, createdAt, schema, crc32c(payload), synced, output ?? null],
      headerCrc([topic, createdAt, schema, synced, output ?? null]),
    ).lastId;
  }

  /** The next rows behind a position. */
  behind(position: number, count: number): readonly Row[] {
    return this.#sql.all(`${SELECT} WHERE id > ? ORDER BY id LIMIT ?`, position, count);
  }

  /**
   * What an output has to take behind a position, all of one topic, up to the first row that is not
   * what was written; that row, if there is one.
   */
  sound(
    output: string,
    position: number,
    { rows, bytes }: ReadLimit,
  ): { readonly entries: readonly Entry[]; readonly corrupt: Row | undefined } {
    const entries: Entry[] = [];
    let size = 0;
    let last = position;
    while (entries.length < rows) {
      const found = this.behind(last, Math.min(READ_AHEAD, rows - entries.length));
      for (const row of found) {
        const sound = soundRow(row);
        if (!sound) return { entries, corrupt: row };
        last = sound.position;
        if (sound.output !== null && sound.output !== output) continue;
        size += sound.payload.length;
        const isFull = entries.length > 0 && size > bytes;
        const isOther = sound.topic !== (entries[0]?.topic ?? sound.topic);
        if (isFull || isOther) return { entries, corrupt: undefined };
        entries.push(toEntry(sound));
      }
      if (found.length === 0) break;
    }
    return { entries, corrupt: undefined };
  }

  /** The latest time that any row ever had, Unix milliseconds; 0 = there was none. */
  latestTime(): number {
    const noted = this.#sql.number(
      "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'latest_time'",
    );
    // A time that went bad would push all that follow into the future.
    const newest = this.#sql.all(`${SELECT} ORDER BY created_at DESC LIMIT 3`).map(soundRow);
    return Math.max(noted, newest.find((row) => row !== undefined)?.createdAt ?? 0);
  }

  /** Rows take their time along when they go: to be called before they do. */
  noteLatestTime(): void {
    this.#sql.run(
      "INSERT INTO meta VALUES('latest_time', ?) ON CONFLICT(key) DO UPDATE " +
        "SET value = excluded.value WHERE value <> excluded.value",
      String(this.latestTime()),
    );
  }
}

// An integer that went bad may not fit a number: as REAL it is only wrong.
const SELECT = "SELECT id, topic, payload, CAST(created_at AS REAL) AS created_at, schema, " +
  "CAST(crc AS REAL) AS crc, CAST(clock_synced AS REAL) AS clock_synced, output, " +
  "CAST(header_crc AS REAL) AS header_crc FROM telemetry_queue";

function toEntry({ output: _, ...entry }: LogRow): Entry {
  return entry;
}

/** What a row says; undefined when it is not what was written. */
export function soundRow(row: Row): LogRow | undefined {
  const { id, topic, payload, created_at, schema, clock_synced, output, header_crc } = row;
  if (typeof id !== "number" || !(payload instanceof Uint8Array)) return undefined;
  if (crc32c(payload) !== row.crc) return undefined;
  const header = [topic, created_at, schema, clock_synced, output];
  // Rows of the first version have no checksum of their header.
  if (header_crc !== null && headerCrc(header) !== header_crc) return undefined;
  return {
    position: id,
    topic: String(topic),
    payload,
    createdAt: Number(created_at),
    schema: String(schema),
    clockSynced: clock_synced === null ? null : Boolean(clock_synced),
    output: output === null ? null : String(output),
  };
}

const encoder = new TextEncoder();

/** The checksum of everything in a row but its position and payload. */
function headerCrc(columns: readonly unknown[]): number {
  return crc32c(encoder.encode(JSON.stringify(columns)));
}
