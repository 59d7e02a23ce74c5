import type { DropCount, Gap } from "../core/mod.ts";
import type { Row, Sql } from "./sql.ts";

/**
 * What each output lost. A gap is kept here until its record stands in the log, and as long as that
 * record does: when the record itself has to leave undelivered, the gap is told again.
 *
 * Everything happens within a transaction of the caller.
 */
export class Gaps {
  readonly #sql: Sql;
  readonly #append: (gap: Gap) => number;

  /** @param append puts the record of a gap into the log, and gives its position */
  constructor(sql: Sql, append: (gap: Gap) => number) {
    this.#sql = sql;
    this.#append = append;
  }

  /** Counts a loss; one that follows on another of the same reason becomes one gap with it. */
  record({ output, first, last, count, reason, from, to }: Gap): void {
    const { changes } = this.#sql.run(
      "UPDATE gap SET last = ?, count = count + ?, since = min(since, ?), until = max(until, ?) " +
        "WHERE position IS NULL AND output = ? AND reason = ? AND last = ? - 1",
      last,
      count,
      from,
      to,
      output,
      reason,
      first,
    );
    if (changes === 0) {
      this.#sql.run(
        "INSERT INTO gap(output, first, last, count, reason, since, until) " +
          "VALUES(?, ?, ?, ?, ?, ?, ?)",
        ...[output, first, last, count, reason, from, to],
      );
    }
    if (count === 0) return;
    this.#sql.run(
      "INSERT INTO dropped VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
      output,
      reason,
      count,
    );
  }

  /** How many gaps of an output have no record in the log yet. */
  open(output: string): number {
    return this.#sql.number(
      "SELECT count(*) FROM gap WHERE position IS NULL AND output = ?",
      output,
    );
  }

  /** Puts the records of an output's gaps into the log. */
  publish(output: string): void {
    const open = this.#sql.all(
      "SELECT * FROM gap WHERE position IS NULL AND output = ? ORDER BY first, id",
      output,
    );
    for (const row of open) {
      const position = this.#append(toGap(row));
      this.#sql.run("UPDATE gap SET position = ? WHERE id = ?", position, Number(row.id));
    }
  }

  /** How many of the rows `first`–`last` are records of gaps. */
  records(first: number, last: number): number {
    return this.#sql.number("SELECT count(*) FROM gap WHERE position BETWEEN ? AND ?", first, last);
  }

  /**
   * Rows up to `last` are about to go: gaps whose output has not got their record are open again.
   *
   * @param inFlight up to where such a record may be on its way to an output
   */
  forget(last: number, inFlight: (output: string) => number): void {
    this.#sql.run(
      "DELETE FROM gap WHERE position <= ? AND position <= " +
        "(SELECT position FROM output_cursor WHERE output_cursor.output = gap.output)",
      last,
    );
    for (const row of this.#sql.all("SELECT DISTINCT output FROM gap WHERE position <= ?", last)) {
      const output = String(row.output);
      this.reopen(output, inFlight(output) + 1, last);
    }
  }

  /** Gaps of an output whose record was one of the rows `first`–`last`, which are lost. */
  reopen(output: string, first: number, last: number): void {
    this.#sql.run(
      "UPDATE gap SET position = NULL WHERE output = ? AND position BETWEEN ? AND ?",
      ...[output, first, last],
    );
  }

  /** The same for a row by itself. */
  forgetOne(position: number): void {
    this.#sql.run("UPDATE gap SET position = NULL WHERE position = ?", position);
  }

  /** What each output lost, ever. */
  dropped(): DropCount[] {
    return this.#sql.all("SELECT output, reason, count FROM dropped ORDER BY output, reason").map(
      ({ output, reason, count }) => ({
        output: String(output),
        reason: String(reason),
        count: Number(count),
      }),
    );
  }
}

function toGap({ output, first, last, count, reason, since, until }: Row): Gap {
  return {
    output: String(output),
    first: Number(first),
    last: Number(last),
    count: Number(count),
    reason: String(reason),
    from: Number(since),
    to: Number(until),
  };
}
