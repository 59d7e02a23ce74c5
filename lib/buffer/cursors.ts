import type { Gap } from "../core/mod.ts";
import type { Sql } from "./sql.ts";

/** Where each output stands in the log. */
export class Cursors {
  readonly #sql: Sql;
  readonly #writeGap: (gap: Gap) => void;

  /** @param writeGap appends the record of a gap; called within a transaction */
  constructor(sql: Sql, writeGap: (gap: Gap) => void) {
    this.#sql = sql;
    this.#writeGap = writeGap;
  }

  /**
   * Makes these the outputs that hold rows. A new one starts at the oldest row kept; one that
   * comes back gets a record of the rows that it missed. Within a transaction.
   */
  activate(outputs: readonly string[]): void {
    const oldest = this.#oldest();
    const missed = oldest.id - 1;
    const known = new Map(
      this.#sql.all("SELECT output, position, active FROM output_cursor")
        .map((row) => [String(row.output), row]),
    );
    for (const output of outputs) {
      const cursor = known.get(output);
      if (!cursor) {
        this.#sql.run(
          "INSERT INTO output_cursor(output, position) VALUES(?, ?)",
          output,
          missed,
        );
      } else if (Number(cursor.active) === 0) {
        this.#sql.run("UPDATE output_cursor SET active = 1 WHERE output = ?", output);
        this.#skip(output, Number(cursor.position), missed, oldest.createdAt * 1000);
      }
    }
    for (const [output, { active }] of known) {
      if (Number(active) === 0 || outputs.includes(output)) continue;
      this.#sql.run("UPDATE output_cursor SET active = 0, note = NULL WHERE output = ?", output);
    }
  }

  /** An output's position, and the note it left. */
  get(output: string): { readonly position: number; readonly note: string | null } {
    const row = this.#sql.get("SELECT position, note FROM output_cursor WHERE output = ?", output);
    const note = row?.note;
    return { position: Number(row?.position ?? 0), note: typeof note === "string" ? note : null };
  }

  /** Keeps an output's note until it next advances. */
  note(output: string, text: string): void {
    this.#sql.run("UPDATE output_cursor SET note = ? WHERE output = ?", text, output);
  }

  /** Moves an output forward, never back. */
  advance(output: string, through: number): void {
    this.#sql.run(
      "UPDATE output_cursor SET position = max(position, ?), note = NULL WHERE output = ?",
      through,
      output,
    );
  }

  /** Everything up to here has been delivered to every output. */
  delivered(): number {
    const row = this.#sql.get("SELECT min(position) AS least FROM output_cursor WHERE active = 1");
    return Number(row?.least ?? 0);
  }

  /** Rows each output still has to take. */
  backlog(first: number, latest: number): Record<string, number> {
    const left = (position: number) =>
      first === 0 ? 0 : Math.max(latest - Math.max(position, first - 1), 0);
    return Object.fromEntries(this.#active().map(([output, at]) => [output, left(at)]));
  }

  /** When the oldest row that each output still has to take was written, Unix milliseconds. */
  waitingSince(): Record<string, number | undefined> {
    return Object.fromEntries(
      this.#active().map(([output, position]) => {
        const row = this.#sql.get(
          "SELECT created_at FROM telemetry_queue WHERE id > ? ORDER BY id LIMIT 1",
          position,
        );
        return [output, row ? Number(row.created_at) : undefined];
      }),
    );
  }

  /** What is lost to each output that is behind when rows `first`–`last` go; `span` is their time. */
  gapsBy(first: number, last: number, reason: string, span: Pick<Gap, "from" | "to">): Gap[] {
    const behind = this.#active().filter(([, position]) => position < last);
    return behind.map(([output, position]) => {
      const start = Math.max(first, position + 1);
      const count = this.#sql.number(
        "SELECT count(*) FROM telemetry_queue WHERE id BETWEEN ? AND ?",
        start,
        last,
      );
      return { output, first: start, last, count, reason, ...span };
    }).filter(({ count }) => count > 0);
  }

  /**
   * Appends the records of gaps. Within a transaction, behind the deletion: only then has a file
   * that is full room for them.
   */
  record(gaps: readonly Gap[]): void {
    for (const gap of gaps) this.#writeGap(gap);
  }

  /** Rows that went while nobody asked for them; all that is known of their time is its end. */
  #skip(output: string, position: number, last: number, at: number): void {
    if (last <= position) return;
    this.#writeGap({
      output,
      first: position + 1,
      last,
      count: last - position,
      reason: "output_was_removed",
      from: at,
      to: at,
    });
    this.#sql.run("UPDATE output_cursor SET position = ? WHERE output = ?", last, output);
  }

  #active(): readonly (readonly [string, number])[] {
    return this.#sql.all("SELECT output, position FROM output_cursor WHERE active = 1")
      .map((row) => [String(row.output), Number(row.position)]);
  }

  /** The oldest row kept; the next one to be written when there is none. */
  #oldest(): { readonly id: number; readonly createdAt: number } {
    const row = this.#sql.get("SELECT id, created_at FROM telemetry_queue ORDER BY id LIMIT 1");
    if (row) return { id: Number(row.id), createdAt: Number(row.created_at) };
    const latest = this.#sql.number(
      "SELECT seq FROM sqlite_sequence WHERE name = 'telemetry_queue'",
    );
    return { id: latest + 1, createdAt: Date.now() };
  }
}
