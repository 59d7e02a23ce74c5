import type { Gap } from "../core/mod.ts";
import type { Gaps } from "./gaps.ts";
import { type InFlight, micros } from "./in_flight.ts";
import { seal } from "./seal.ts";
import type { Sql } from "./sql.ts";

/** Where each output stands in the log. */
export class Cursors {
  readonly #sql: Sql;
  readonly #gaps: Gaps;
  readonly #inFlight: InFlight;

  /**
   * @param gaps where losses are kept
   * @param inFlight where rows go that may be lost
   */
  constructor(sql: Sql, gaps: Gaps, inFlight: InFlight) {
    this.#sql = sql;
    this.#gaps = gaps;
    this.#inFlight = inFlight;
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
      this.#sql.run(
        "UPDATE output_cursor SET active = 0, note = NULL, handed_out = NULL WHERE output = ?",
        output,
      );
      // Should it come back, it is told of all that went.
      this.#inFlight.arrived(output, Number.MAX_SAFE_INTEGER);
    }
    seal(this.#sql);
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

  /** Moves an output forward, never back. Within a transaction. */
  advance(output: string, through: number): void {
    this.#sql.run(
      "UPDATE output_cursor SET position = max(position, ?), note = NULL WHERE output = ?",
      through,
      output,
    );
    seal(this.#sql);
  }

  /** Everything up to here has been delivered to every output. */
  delivered(): number {
    const row = this.#sql.get("SELECT min(position) AS least FROM output_cursor WHERE active = 1");
    return Number(row?.least ?? 0);
  }

  /** Rows each output still has to take, and gaps that it is still to be told of. */
  backlog(first: number, latest: number): Record<string, number> {
    const left = (position: number) =>
      first === 0 ? 0 : Math.max(latest - Math.max(position, first - 1), 0);
    return Object.fromEntries(
      this.#active().map(([output, at]) => [output, left(at) + this.#gaps.open(output)]),
    );
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

  /**
   * What each output that is behind loses when all rows up to `last` go; those that are on their way
   * are noted instead.
   */
  lostThrough(last: number, reason: string): Gap[] {
    const oldest = this.#sql.number("SELECT min(id) FROM telemetry_queue");
    return this.#active().filter(([, position]) => position < last).flatMap(
      ([output, position]) => {
        const first = Math.max(oldest, position + 1);
        const end = Math.min(this.#inFlight.end(output), last);
        if (first <= end) this.#inFlight.drop(output, first, end, reason);
        return this.lost(output, Math.max(first, end + 1), last, reason);
      },
    );
  }

  /** What an output loses when rows `first`–`last` go; nothing when they are not for it. */
  lost(output: string, first: number, last: number, reason: string): Gap[] {
    const { rows, since, until } = this.#sql.get(
      "SELECT count(*) AS rows, CAST(min(created_at) AS REAL) AS since, " +
        "CAST(max(created_at) AS REAL) AS until FROM telemetry_queue " +
        "WHERE id BETWEEN ? AND ? AND (output IS NULL OR output = ?)",
      first,
      last,
      output,
    ) ?? {};
    if (!rows) return [];
    // The records of gaps among them are not lost: they are told again.
    const count = Number(rows) - this.#gaps.records(first, last);
    return [{ output, first, last, count, reason, from: micros(since), to: micros(until) }];
  }

  /** Whoever is active loses `count` new readings that never got a row: the range is empty. */
  refused(latest: number, count: number, span: Pick<Gap, "from" | "to">, reason: string): Gap[] {
    return this.#active().map(([output]) => (
      { output, first: latest + 1, last: latest, count, reason, ...span }
    ));
  }

  /** What each output that is behind loses with one row, whatever it says whom it is for. */
  lostRow(position: number, createdAt: unknown, reason: string): Gap[] {
    const count = 1 - this.#gaps.records(position, position);
    const at = micros(createdAt);
    return this.#active().filter(([, done]) => done < position).map(([output]) => (
      { output, first: position, last: position, count, reason, from: at, to: at }
    ));
  }

  /** Rows that went while nobody asked for them; all that is known of their time is its end. */
  #skip(output: string, position: number, last: number, at: number): void {
    if (last <= position) return;
    this.#gaps.record({
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
