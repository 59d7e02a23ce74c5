import type { Entry, NewEntry, ReadLimit } from "../core/mod.ts";
import { BytePool } from "../byte_pool.ts";
import { crc32c } from "../crc32c.ts";
import { HeaderChecksums } from "./header_checksums.ts";
import type { Packer } from "./packer.ts";
import { POOL_BYTES, unpack } from "./packing.ts";
import type { Row, Sql, SQLInputValue } from "./sql.ts";
import type { Templates } from "./templates.ts";

/** What a row takes beside its payload: its other columns, and its entry in the index. */
const ROW_BYTES = 85;
/** Rows inserted at once: more in one statement costs no less. */
const INSERTED_AT_ONCE = 8;
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
  readonly #templates: Templates;
  readonly #packer: Packer | undefined;
  readonly #select: string;
  readonly #headers = new HeaderChecksums();
  readonly #pool = new BytePool(POOL_BYTES);
  #stored = 0;

  /**
   * On the tables of a buffer file.
   *
   * @param packer makes rows small; without one they are kept whole
   * @param absent columns that a file of an older version, opened as it is, does not have
   */
  constructor(sql: Sql, templates: Templates, packer?: Packer, absent: readonly string[] = []) {
    this.#select = selection(absent);
    this.#sql = sql;
    this.#templates = templates;
    this.#packer = packer;
  }

  /** About how many bytes of the file all that was inserted took. */
  get stored(): number {
    return this.#stored;
  }

  /** Appends a row; gives its position. */
  insert(entry: NewEntry, destination: Destination): number {
    return this.#insert([entry], destination);
  }

  /** Appends rows in order. Within a transaction. */
  insertAll(entries: readonly NewEntry[], destination: Destination): void {
    for (let at = 0; at < entries.length; at += INSERTED_AT_ONCE) {
      this.#insert(entries.slice(at, at + INSERTED_AT_ONCE), destination);
    }
  }

  /** Gives the position of the last. */
  #insert(entries: readonly NewEntry[], { topic, output }: Destination): number {
    const values: SQLInputValue[] = [];
    const packed = entries.map((entry) => {
      const { payload, createdAt, schema, clockSynced } = entry;
      const packed = this.#packer?.pack(entry);
      const columns = {
        topic,
        payload: packed?.bytes ?? payload,
        created_at: createdAt,
        // The template's own.
        schema: packed ? "" : schema,
        crc: crc32c(payload),
        clock_synced: clockSynced === null ? null : Number(clockSynced),
        output: output ?? null,
        template: packed?.use.template.id ?? null,
      };
      this.#stored += columns.payload.length + ROW_BYTES;
      values.push(...Object.values(columns), this.#headers.of(columns));
      return packed;
    });
    const { lastId } = this.#sql.run(INSERTIONS[entries.length] ?? "", ...values);
    const first = lastId - entries.length + 1;
    packed.forEach((one, i) => one && this.#packer?.used(one.use, first + i));
    return lastId;
  }

  /** The next rows behind a position. */
  behind(position: number, count: number): readonly Row[] {
    const sql = `${this.#select} WHERE id > ? ORDER BY id LIMIT ?`;
    return this.#sql.counted(sql, position, count).map(named);
  }

  /** What a row says; undefined when it is not what was written. */
  sound(row: Row): LogRow | undefined {
    const { id, topic, payload, created_at, clock_synced, output, header_crc } = row;
    if (typeof id !== "number" || !(payload instanceof Uint8Array)) return undefined;
    // Rows of the first version have no checksum of their header.
    if (header_crc !== null && this.#headers.of(row) !== header_crc) return undefined;
    const whole = this.#whole(row, payload);
    if (!whole || crc32c(whole.payload) !== row.crc) return undefined;
    return {
      position: id,
      topic: String(topic),
      payload: whole.payload,
      schema: whole.schema,
      createdAt: Number(created_at),
      clockSynced: clock_synced === null ? null : Boolean(clock_synced),
      output: output === null ? null : String(output),
    };
  }

  /** The oldest position there is; beyond all numbers when there is none. */
  first(): number {
    const { first } = this.#sql.get("SELECT min(id) AS first FROM telemetry_queue") ?? {};
    return typeof first === "number" ? first : Number.MAX_SAFE_INTEGER;
  }

  /** The row at a position, if there is one. */
  at(position: number): Row | undefined {
    return this.#sql.get(`${this.#select} WHERE id = ?`, position);
  }

  #whole({ schema, template }: Row, payload: Uint8Array) {
    if (template === null) return { schema: String(schema), payload };
    const found = this.#templates.get(Number(template));
    const whole = found && unpack(found, payload, this.#pool);
    return whole && { schema: found.schema, payload: whole };
  }

  /**
   * What an output has to take behind a position, all of one topic, up to the first row that is not
   * what was written; that row, if there is one.
   */
  next(
    output: string,
    position: number,
    { rows, bytes }: ReadLimit,
  ): { readonly entries: readonly Entry[]; readonly corrupt: Row | undefined } {
    const entries: Entry[] = [];
    let size = 0;
    let last = position;
    while (entries.length < rows) {
      const wanted = Math.min(READ_AHEAD, rows - entries.length);
      const found = this.behind(last, wanted);
      for (const row of found) {
        const sound = this.sound(row);
        if (!sound) return { entries, corrupt: row };
        last = sound.position;
        if (sound.output !== null && sound.output !== output) continue;
        size += sound.payload.length;
        const isFull = entries.length > 0 && size > bytes;
        const isOther = sound.topic !== (entries[0]?.topic ?? sound.topic);
        if (isFull || isOther) return { entries, corrupt: undefined };
        entries.push(toEntry(sound));
      }
      if (found.length < wanted) break;
    }
    return { entries, corrupt: undefined };
  }

  /** The latest time that any row ever had, Unix milliseconds; 0 = there was none. */
  latestTime(): number {
    const noted = this.#sql.number(
      "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'latest_time'",
    );
    // A time that went bad would push all that follow into the future.
    // By itself `created_at` is what is selected, for which all rows would have to be sorted.
    const order = "ORDER BY telemetry_queue.created_at DESC LIMIT 3";
    const newest = this.#sql.all(`${this.#select} ${order}`)
      .map((row) => this.sound(row));
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

/** Columns that came with later versions of the file. */
export const LATER_COLUMNS: readonly string[] = ["output", "header_crc", "template"];
/** An integer that went bad may not fit a number: as REAL it is only wrong. */
const INTEGERS: readonly string[] = ["created_at", "crc", "clock_synced", "header_crc", "template"];

/**
 * By the number of rows. A statement that fails is undone with its transaction: to undo it by itself
 * SQLite would keep a copy of each page that it changes.
 */
const INSERTIONS = Array.from({ length: INSERTED_AT_ONCE + 1 }, (_, rows) => {
  const columns = "topic, payload, created_at, schema, crc, clock_synced, output, template";
  const values = Array(rows).fill("(?, ?, ?, ?, ?, ?, ?, ?, ?)").join(", ");
  return `INSERT OR FAIL INTO telemetry_queue(${columns}, header_crc) VALUES ${values}`;
});

function selection(absent: readonly string[]): string {
  const columns = ["id", "topic", "payload", "created_at", "schema", "crc", "clock_synced"];
  const parts = [...columns, ...LATER_COLUMNS].map((name) => {
    if (absent.includes(name)) return `NULL AS ${name}`;
    return INTEGERS.includes(name) ? `CAST(${name} AS REAL) AS ${name}` : name;
  });
  return `SELECT ${parts.join(", ")} FROM telemetry_queue`;
}

/** A row of a selection whose columns are counted. */
function named(row: Row): Row {
  return {
    id: row[0],
    topic: row[1],
    payload: row[2],
    created_at: row[3],
    schema: row[4],
    crc: row[5],
    clock_synced: row[6],
    output: row[7],
    header_crc: row[8],
    template: row[9],
  };
}

function toEntry({ position, topic, payload, createdAt, schema, clockSynced }: LogRow): Entry {
  return { position, topic, payload, createdAt, schema, clockSynced };
}
