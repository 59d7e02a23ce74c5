import type { Rejection } from "../core/mod.ts";
import type { Rows } from "./rows.ts";
import type { Sql } from "./sql.ts";

/** The share of the buffer that dead letters may take; then the oldest go. */
const SHARE = 1 / 8;

/** Readings that an output will never take, or that went bad on disk, set aside with the reason. */
export class DeadLetters {
  readonly #sql: Sql;
  readonly #rows: Rows;
  readonly #maxBytes: number;

  /** @param maxBytes what the buffer may hold */
  constructor(sql: Sql, rows: Rows, maxBytes: number) {
    this.#sql = sql;
    this.#rows = rows;
    this.#maxBytes = maxBytes * SHARE;
  }

  /** How many there are. */
  count(): number {
    return this.#sql.number("SELECT count(*) FROM dead_letter");
  }

  /** Copies a row of the log, its payload whole where it can be had. Within a transaction. */
  add(output: string, { position, reason }: Rejection, epoch: number): void {
    const row = this.#rows.at(position);
    // Its template may go before it does.
    const whole = row && row.template !== null ? this.#rows.sound(row) : undefined;
    this.#sql.run(
      "INSERT INTO dead_letter(output, position, epoch, topic, payload, schema, created_at, " +
        "reason, rejected_at, crc, clock_synced) " +
        "SELECT ?, id, ?, topic, coalesce(?, payload), coalesce(?, schema), created_at, ?, ?, crc, " +
        "clock_synced FROM telemetry_queue WHERE id = ?",
      output,
      epoch,
      whole?.payload ?? null,
      whole?.schema ?? null,
      reason,
      Date.now(),
      position,
    );
  }

  /** Drops the oldest until they fit their share: readings that can be delivered need the room. */
  trim(): void {
    this.#sql.run(
      "DELETE FROM dead_letter WHERE id IN (SELECT id FROM (SELECT id, sum(length(payload)) " +
        "OVER (ORDER BY id DESC) AS bytes FROM dead_letter) WHERE bytes > ?)",
      this.#maxBytes,
    );
  }
}
