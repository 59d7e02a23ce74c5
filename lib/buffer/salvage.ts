import { messageOf } from "../core/mod.ts";
import { LATER_COLUMNS, type LogRow, Rows } from "./rows.ts";
import { type Row, Sql } from "./sql.ts";
import { Templates } from "./templates.ts";

/** Rows read in one go, as long as that works. */
const CHUNK = 200;

/** What reading a damaged file came to. */
export interface Salvaged {
  /** Rows that are what was written. */
  readonly sound: number;
  /** Rows that are not. */
  readonly damaged: number;
  /** Positions on pages that cannot be read: there were rows, or none. */
  readonly unreadable: number;
}

/**
 * A buffer file that was set aside, of which no more can be taken for granted than each single row,
 * by its checksum. Nothing is written to it.
 */
export class SalvagedFile implements Disposable {
  readonly #sql: Sql;
  readonly #rows: Rows;
  #counts = { sound: 0, damaged: 0, unreadable: 0 };

  /**
   * Opens it for reading.
   *
   * @throws {Error} it cannot be opened
   */
  constructor(path: string) {
    this.#sql = new Sql(path, { readOnly: true });
    const info = this.#try(() => this.#sql.all("PRAGMA table_info(telemetry_queue)")) ?? [];
    const columns = info.map(({ name }) => name);
    // As it was set aside: nobody has brought it to the present version.
    const absent = LATER_COLUMNS.filter((name) => !columns.includes(name));
    this.#rows = new Rows(this.#sql, new Templates(this.#sql), undefined, absent);
  }

  /** Whose it was; `unknown` when that cannot be read. */
  get collector(): string {
    return this.#meta("collector") ?? "unknown";
  }

  /** What its positions are unique within; 0 when that cannot be read. */
  get epoch(): number {
    return Number(this.#meta("epoch") ?? 0);
  }

  /** What was found, as far as it has been read. */
  get counts(): Salvaged {
    return this.#counts;
  }

  /** The text of a schema; empty when it cannot be read. */
  schemaText(fingerprint: string): string {
    const sql = "SELECT text FROM schema_text WHERE fingerprint = ?";
    return String(this.#try(() => this.#sql.get(sql, fingerprint)?.text) ?? "");
  }

  /**
   * The sound rows that some output had not got; all of them where nothing tells.
   *
   * @throws {Error} not even how many there were can be read
   */
  *rows(): Generator<LogRow> {
    const delivered = "SELECT min(position) FROM output_cursor WHERE active = 1";
    const end = this.#end();
    for (let at = this.#try(() => this.#sql.number(delivered)) ?? 0; at < end;) {
      const chunk = this.#try(() => this.#rows.behind(at, CHUNK));
      const isStepping = chunk === undefined;
      const found = chunk ?? this.#one(at + 1);
      for (const row of found) {
        const sound = this.#try(() => this.#rows.sound(row));
        this.#counts[sound ? "sound" : "damaged"]++;
        if (sound) yield sound;
      }
      if (found.length === 0 && !isStepping) return;
      const last = found.at(-1)?.id;
      // Where a chunk cannot be read, one position after the other is tried.
      at = typeof last === "number" && last > at ? last : at + 1;
    }
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#sql[Symbol.dispose]();
  }

  #one(position: number): readonly Row[] {
    try {
      const row = this.#rows.at(position);
      return row ? [row] : [];
    } catch {
      this.#counts.unreadable++;
      return [];
    }
  }

  /** The last position that was ever written. */
  #end(): number {
    const ways = [
      "SELECT seq FROM sqlite_sequence WHERE name = 'telemetry_queue'",
      "SELECT max(id) FROM telemetry_queue",
    ];
    let cause: unknown;
    for (const way of ways) {
      try {
        return this.#sql.number(way);
      } catch (error) {
        cause = error;
      }
    }
    throw new Error(`Cannot read any row: ${messageOf(cause)}`, { cause });
  }

  #meta(key: string): string | undefined {
    const value = this.#try(() =>
      this.#sql.get("SELECT value FROM meta WHERE key = ?", key)?.value
    );
    return typeof value === "string" ? value : undefined;
  }

  #try<T>(job: () => T): T | undefined {
    try {
      return job();
    } catch {
      return undefined;
    }
  }
}
