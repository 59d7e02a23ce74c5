import { Ballast } from "./ballast.ts";
import type { Room } from "./room.ts";
import { isBroken, type Sql, SqliteCode, sqliteCode } from "./sql.ts";
import type { IsOver, Trimmer } from "./trim.ts";

/** Pages given back to the file system in one step: with more, SQLite's cache spills into the log. */
const VACUUM_PAGES = 200;
/** Free space that stays in the file in any case: what comes next would only take it back. */
const KEPT_FREE_BYTES = 1024 * 1024;
/** As much again as came from one time to the next: the file is to be neither cut nor enlarged. */
const KEPT_TIMES = 2;

/** What may be done for space. */
export interface SpaceOptions {
  /** The file. */
  readonly path: string;
  /** What it may hold. */
  readonly maxBytes: number;
  /** What gives way. */
  readonly whenFull: "drop_oldest" | "drop_newest" | "block";
  /** Whether a ballast is laid in beside it. */
  readonly keepsBallast: boolean;
}

/** Finds space for what is to be written, in the file and on its disk. */
export class Space {
  readonly #sql: Sql;
  readonly #room: Room;
  readonly #trimmer: Trimmer;
  readonly #ballast: Ballast;
  readonly #options: SpaceOptions;

  /** On the parts of an opened buffer. */
  constructor(sql: Sql, room: Room, trimmer: Trimmer, options: SpaceOptions) {
    this.#sql = sql;
    this.#room = room;
    this.#trimmer = trimmer;
    this.#options = options;
    this.#ballast = new Ballast(options.path, options.maxBytes);
  }

  /** All of `job` or nothing, in a transaction; once more after a full disk was given some room. */
  write<T>(job: () => T): T {
    try {
      return this.#sql.transaction(job);
    } catch (error) {
      if (sqliteCode(error) !== SqliteCode.full) throw error;
      this.reclaim();
      const result = this.#sql.transaction(job);
      // It may have been what makes others free: a position of an output.
      this.reclaim();
      return result;
    }
  }

  /**
   * Lets go what may give way for so many bytes; whether they fit then.
   *
   * @param isStopping nobody may be held back any more
   */
  make(bytes: number, isStopping: boolean): boolean {
    const { whenFull } = this.#options;
    const { bytes: limit, reason } = this.#room.limit();
    const isThere = () => this.#room.used() + bytes <= limit;
    if (isThere()) return true;
    this.#trimmer.dropDelivered(isThere);
    if (isThere()) return true;
    if (whenFull !== "drop_oldest") return whenFull === "block" && isStopping;
    // A limit that was lowered is reached step by step.
    const enough = this.#room.used() - bytes;
    this.#trimmer.dropExcess(limit - bytes, reason, () => this.#room.used() <= enough);
    return true;
  }

  /** Frees what can be freed without losing anything; on a full disk each step may fail. */
  reclaim(): void {
    // A file that has reached its cap is full as well: then the disk is not.
    if (this.#room.diskLeft() < this.#ballast.bytes) this.#ballast.remove();
    const checkpoint = () => {
      // It would take the last room away where the file has to grow for it.
      if (this.#room.canCheckpoint()) this.#sql.all("PRAGMA wal_checkpoint(TRUNCATE)");
    };
    for (
      const step of [
        checkpoint,
        () => this.#trimmer.dropDelivered(() => this.#room.freeBytes() > KEPT_FREE_BYTES),
        () => this.giveBack(() => false, 0),
        checkpoint,
      ]
    ) {
      try {
        step();
      } catch (error) {
        if (isBroken(error)) throw error;
      }
    }
    this.placeBallast();
  }

  /**
   * Gives free space back to the file system; whether there is no more of it.
   *
   * @param expected bytes that will be wanted until the next time
   */
  giveBack(isOver: IsOver, expected: number): boolean {
    const kept = Math.max(expected * KEPT_TIMES, KEPT_FREE_BYTES);
    for (;;) {
      const before = this.#room.freeBytes();
      if (before <= kept) return true;
      this.#sql.all(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
      if (isOver()) return this.#room.freeBytes() <= kept;
      if (this.#room.freeBytes() >= before) return true;
    }
  }

  /** Lays the ballast in where there is none and the disk is not short of space. */
  placeBallast(): void {
    if (this.#options.keepsBallast) this.#ballast.place(this.#room.growth());
  }
}
