import type { Sql } from "./sql.ts";

/** The wall clock may be set by so much without anything being wrong. */
const STEP_MS = 60_000;
/** Nobody leaves readings undelivered for so long: rather the clock was set. */
const LONGEST_PAUSE_MS = 365 * 86_400_000;

/** A moment on both clocks, milliseconds. */
export interface Moment {
  /** Unix time. */
  readonly wall: number;
  /** `performance.now()`: nobody sets it. */
  readonly steady: number;
}

/** This moment. */
export function thisMoment(): Moment {
  return { wall: Date.now(), steady: performance.now() };
}

/**
 * Whether the age of rows can be told. When the clock has jumped, what was stored before is of no age:
 * a boot in 1970 or a jump of fifty years must not make it look ancient.
 */
export class Ages {
  readonly #sql: Sql;
  #last: Moment;

  /** Compares the clock with the newest row. */
  constructor(sql: Sql, now: Moment) {
    this.#sql = sql;
    this.#last = now;
    const newest = this.#newest();
    if (newest && now.wall - newest.createdAt > LONGEST_PAUSE_MS) this.#disown(newest.id);
  }

  /** Whether rows may be dropped for their age at this moment. */
  canTell(now: Moment): boolean {
    const elapsed = now.steady - this.#last.steady;
    const step = now.wall - this.#last.wall - elapsed;
    this.#last = now;
    const newest = this.#newest();
    if (!newest) return false;
    if (Math.abs(step) > STEP_MS) this.#disown(newest.id);
    return this.#oldest() > this.#ageless();
  }

  /** Rows up to here are of no age. */
  #disown(position: number): void {
    this.#sql.run(
      "INSERT INTO meta VALUES('ageless_through', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      String(position),
    );
  }

  #ageless(): number {
    return Number(
      this.#sql.get("SELECT value FROM meta WHERE key = 'ageless_through'")?.value ?? 0,
    );
  }

  #oldest(): number {
    return this.#sql.number("SELECT min(id) FROM telemetry_queue");
  }

  #newest() {
    const row = this.#sql.get(
      "SELECT id, CAST(created_at AS REAL) AS created_at FROM telemetry_queue " +
        "ORDER BY id DESC LIMIT 1",
    );
    return row && { id: Number(row.id), createdAt: Number(row.created_at) };
  }
}
