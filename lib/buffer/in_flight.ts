import type { Gaps } from "./gaps.ts";
import type { Sql } from "./sql.ts";

/**
 * What is on its way to each output: handed out, and not heard of since. Whether such rows are lost
 * when they have to leave is known only when the output commits, or asks again: until then they are
 * noted one by one, and no gap tells of them.
 *
 * Everything that changes the file happens within a transaction of the caller.
 */
export class InFlight {
  readonly #sql: Sql;
  readonly #gaps: Gaps;
  /** By output, of this process; what others and the next start must know stands in the file. */
  readonly #handedOut = new Map<string, number>();

  /** @param gaps where losses are kept */
  constructor(sql: Sql, gaps: Gaps) {
    this.#sql = sql;
    this.#gaps = gaps;
  }

  /** Rows up to `last` are handed to an output. */
  handOut(output: string, last: number): void {
    this.#handedOut.set(output, last);
  }

  /** Writes down what is handed out: others may have to drop it, or a later life of this process. */
  keep(output: string): void {
    this.#sql.run(
      "UPDATE output_cursor SET handed_out = ? WHERE output = ?",
      this.#handedOut.get(output) ?? null,
      output,
    );
  }

  /** Rows of an output up to here may arrive, if it has not committed them. */
  end(output: string): number {
    return this.#handedOut.get(output) ??
      this.#sql.number("SELECT handed_out FROM output_cursor WHERE output = ?", output);
  }

  /** Rows `first`–`last` are about to go while they are on their way. */
  drop(output: string, first: number, last: number, reason: string): void {
    this.#sql.run(
      // The records of gaps are not lost: they are told again.
      "INSERT OR IGNORE INTO dropped_in_flight SELECT ?, id, " +
        "NOT EXISTS (SELECT 1 FROM gap WHERE gap.position = telemetry_queue.id), ?, " +
        "CAST(created_at AS REAL) FROM telemetry_queue " +
        "WHERE id BETWEEN ? AND ? AND (output IS NULL OR output = ?)",
      ...[output, reason, first, last, output],
    );
  }

  /** An output will never take a row; when that has gone meanwhile, this is why it is lost. */
  reject(output: string, position: number, reason: string): void {
    this.#sql.run(
      "UPDATE dropped_in_flight SET reason = ? WHERE output = ? AND position = ?",
      ...[reason, output, position],
    );
    this.#tell(output, position, position);
  }

  /** Everything up to `through` has arrived. */
  arrived(output: string, through: number): void {
    this.#sql.run(
      "DELETE FROM dropped_in_flight WHERE output = ? AND position <= ?",
      output,
      through,
    );
  }

  /** An output asks again: nothing is on its way. Whether something went that was. */
  askedAgain(output: string): boolean {
    this.#handedOut.set(output, 0);
    return this.#sql.number("SELECT count(*) FROM dropped_in_flight WHERE output = ?", output) > 0;
  }

  /** What went while it was on its way to an output, and did not arrive, is lost. */
  settle(output: string): void {
    const { first, last } = this.#sql.get(
      "SELECT min(position) AS first, max(position) AS last FROM dropped_in_flight " +
        "WHERE output = ?",
      output,
    ) ?? {};
    this.#tell(output, Number(first), Number(last));
    this.#gaps.reopen(output, Number(first), Number(last));
  }

  #tell(output: string, from: number, through: number): void {
    const rows = this.#sql.all(
      "DELETE FROM dropped_in_flight WHERE output = ? AND position BETWEEN ? AND ? " +
        "RETURNING position, count, reason, at",
      ...[output, from, through],
    );
    const losses = rows.map(({ position, count, reason, at }) => ({
      position: Number(position),
      count: Number(count),
      reason: String(reason),
      at: micros(at),
    }));
    for (const { position, count, reason, at } of losses.sort((a, b) => a.position - b.position)) {
      this.#gaps.record({
        output,
        first: position,
        last: position,
        count,
        reason,
        from: at,
        to: at,
      });
    }
  }
}

/** Unix microseconds out of milliseconds; 0 when the number went bad. */
export function micros(milliseconds: unknown): number {
  const at = Math.round(Number(milliseconds) * 1000);
  return Number.isSafeInteger(at) ? at : 0;
}
