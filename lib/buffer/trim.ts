import type { Cursors } from "./cursors.ts";
import type { Gaps } from "./gaps.ts";
import type { InFlight } from "./in_flight.ts";
import type { Room } from "./room.ts";
import type { Rows } from "./rows.ts";
import type { Sql } from "./sql.ts";

/** Rows deleted in one transaction, so that readings never wait long for the file. */
const CHUNK = 1000;

/** Rows that went, and whether there were more that should have. */
export interface Dropped {
  /** How many. */
  readonly rows: number;
  /** Whether those were all. */
  readonly isComplete: boolean;
}

/** What decides over rows, and what is told of those that go. */
export interface TrimmerParts {
  /** Where the outputs stand. */
  readonly cursors: Cursors;
  /** What they are told of. */
  readonly gaps: Gaps;
  /** What is on its way to them. */
  readonly inFlight: InFlight;
  /** How much there is. */
  readonly room: Room;
}

/** Whether it is time to stop; asked after each piece of work. */
export type IsOver = () => boolean;

/** A time that nobody vouches for says nothing about age. */
const IS_SYNCED = "coalesce(clock_synced, 1) = 1";

/** Takes rows out of the log: those that are delivered, and those that the retention gives up. */
export class Trimmer {
  readonly #sql: Sql;
  readonly #rows: Rows;
  readonly #cursors: Cursors;
  readonly #gaps: Gaps;
  readonly #inFlight: InFlight;
  readonly #room: Room;

  /** On the parts of an opened buffer. */
  constructor(sql: Sql, rows: Rows, parts: TrimmerParts) {
    this.#sql = sql;
    this.#rows = rows;
    this.#cursors = parts.cursors;
    this.#gaps = parts.gaps;
    this.#inFlight = parts.inFlight;
    this.#room = parts.room;
  }

  /** Drops what every output has. */
  dropDelivered(isOver: IsOver): Dropped {
    const through = this.#cursors.delivered();
    return this.#repeat(isOver, () => {
      const first = this.#first();
      if (first === 0 || first > through) return 0;
      return this.#sql.transaction(() => this.#delete(Math.min(first + CHUNK - 1, through)));
    });
  }

  /** Drops rows up to the first that is not old: one with a wrong time takes no good ones along. */
  dropOld(before: number, isOver: IsOver): Dropped {
    const end = this.#lastOld(before);
    return this.#repeat(isOver, () => {
      const first = this.#first();
      if (end === undefined || first === 0 || first > end) return 0;
      return this.#dropThrough(Math.min(first + CHUNK - 1, end), "max_age");
    });
  }

  /** Drops the oldest rows until no more than `bytes` are in use. */
  dropExcess(bytes: number, reason: string, isOver: IsOver): Dropped {
    return this.#repeat(isOver, () => {
      const excess = this.#room.used() - bytes;
      const first = this.#first();
      if (excess <= 0 || first === 0) return 0;
      const rows = this.#sql.number("SELECT max(id) FROM telemetry_queue") - first + 1;
      // An estimate, then measured anew.
      const share = Math.ceil(rows * excess / this.#room.used());
      return this.#dropThrough(first + Math.min(Math.max(share, 1), CHUNK) - 1, reason);
    });
  }

  #repeat(isOver: IsOver, drop: () => number): Dropped {
    let rows = 0;
    for (;;) {
      const dropped = drop();
      rows += dropped;
      if (dropped === 0) return { rows, isComplete: true };
      if (isOver()) return { rows, isComplete: false };
    }
  }

  #first(): number {
    return this.#sql.number("SELECT min(id) FROM telemetry_queue");
  }

  #lastOld(before: number): number | undefined {
    const newest = this.#newestOld(before, Number.MAX_SAFE_INTEGER);
    if (newest === undefined) return undefined;
    const { fresh } = this.#sql.get(
      "SELECT min(id) AS fresh FROM telemetry_queue " +
        `WHERE id < ? AND +created_at >= ? AND ${IS_SYNCED}`,
      newest,
      before,
    ) ?? {};
    return fresh ? this.#newestOld(before, Number(fresh)) : newest;
  }

  /** The newest row before row `end` that is old. */
  #newestOld(before: number, end: number): number | undefined {
    const { last } = this.#sql.get(
      // Without being told, SQLite looks for it backwards through all rows.
      "SELECT max(id) AS last FROM telemetry_queue INDEXED BY idx_created_at " +
        `WHERE created_at < ? AND ${IS_SYNCED} AND id < ?`,
      before,
      end,
    ) ?? {};
    return last ? Number(last) : undefined;
  }

  /** Drops rows up to `last`; whoever has not got them is told. */
  #dropThrough(last: number, reason: string): number {
    return this.#sql.transaction(() => {
      const lost = this.#cursors.lostThrough(last, reason);
      const changes = this.#delete(last);
      for (const gap of lost) this.#gaps.record(gap);
      return changes;
    });
  }

  #delete(last: number): number {
    this.#rows.noteLatestTime();
    this.#gaps.forget(last, (output) => this.#inFlight.end(output));
    return this.#sql.run("DELETE FROM telemetry_queue WHERE id <= ?", last).changes;
  }
}
