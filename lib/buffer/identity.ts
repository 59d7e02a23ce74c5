import { ConfigError, type Incarnation } from "../core/mod.ts";
import { seal } from "./seal.ts";
import type { Sql } from "./sql.ts";

/** Incarnations that delivered something and are kept; a broker can name the newest of them. */
const KEPT_INCARNATIONS = 1000;

/** Who the buffer file belongs to, which life of it this is, and what it calls each device. */
export class Identity {
  /** The collector's name. */
  readonly collector: string;
  /** A random id of this opening. */
  readonly incarnation: string = crypto.randomUUID();
  readonly #sql: Sql;

  /**
   * Reads the file's identity, or gives a new file one.
   *
   * @throws {ConfigError} when the file belongs to another collector
   */
  constructor(sql: Sql, collector: string | undefined) {
    this.#sql = sql;
    const known = this.#meta("collector");
    if (known !== undefined && collector !== undefined && known !== collector) {
      throw new ConfigError(
        `Cannot use this buffer as "${collector}": it belongs to collector.id "${known}"; ` +
          "deliver its rows with that id first, or choose another buffer.path",
      );
    }
    this.collector = known ?? collector ?? `sunspool-${crypto.randomUUID().slice(0, 8)}`;
    sql.transaction(() => {
      this.#setDefault("collector", this.collector);
      this.#setDefault("epoch", String(Date.now()));
      seal(sql);
    });
  }

  /** Mints this opening's incarnation, and closes the range of the one before. */
  open(): void {
    this.#sql.transaction(() => {
      const latest = this.latest();
      this.#sql.run("UPDATE incarnation SET last = ? WHERE last IS NULL", latest);
      this.#sql.run(
        "DELETE FROM incarnation WHERE number NOT IN (SELECT number FROM incarnation " +
          "WHERE used = 1 ORDER BY number DESC LIMIT ?)",
        KEPT_INCARNATIONS,
      );
      this.#sql.run(
        "INSERT INTO incarnation(id, first) VALUES(?, ?)",
        this.incarnation,
        latest + 1,
      );
    });
  }

  /** Something was delivered under this incarnation: a broker may name it. */
  markUsed(): void {
    this.#sql.run("UPDATE incarnation SET used = 1 WHERE id = ? AND used = 0", this.incarnation);
  }

  /** All incarnations that can have delivered something, and this one. */
  incarnations(): Incarnation[] {
    return this.#sql.all("SELECT id, first, last FROM incarnation ORDER BY number").map((row) => ({
      id: String(row.id),
      first: Number(row.first),
      last: row.last === null ? undefined : Number(row.last),
    }));
  }

  /** The highest position ever written. */
  latest(): number {
    return this.#sql.number("SELECT seq FROM sqlite_sequence WHERE name = 'telemetry_queue'");
  }

  /** Positions are unique within an epoch; it is the time it began, Unix milliseconds. */
  epoch(): number {
    return Number(this.#meta("epoch"));
  }

  /** Begins a new epoch. Within a transaction. */
  renewEpoch(): number {
    const epoch = Math.max(this.epoch() + 1, Date.now());
    this.#sql.run("UPDATE meta SET value = ? WHERE key = 'epoch'", String(epoch));
    seal(this.#sql);
    return epoch;
  }

  /**
   * The id of a device, once given kept for ever.
   *
   * @param identity what the device calls itself
   * @param place where it is; distinguishes two that call themselves the same
   * @param isTaken whether a device that is live elsewhere has this id
   */
  deviceId(identity: string, place: string, isTaken: boolean): string {
    const known = this.#sql.get(
      "SELECT id FROM device_id WHERE identity = ? AND place = ?",
      identity,
      place,
    );
    // A name that turned over on disk is no name of this device.
    if (known && isNameOf(String(known.id), identity)) return String(known.id);
    const id = isTaken ? `${identity}@${place}` : identity;
    // Hundreds come at the first start. What is stored under a name makes the name safe.
    this.#sql.unsynced(() => this.#sql.transaction(() => this.#keepName(identity, place, id)));
    return id;
  }

  #keepName(identity: string, place: string, id: string): void {
    // A device that moved takes its id along: the place it had is free for another.
    if (id === identity) {
      this.#sql.run("DELETE FROM device_id WHERE identity = ? AND id = ?", identity, id);
    }
    this.#sql.run("INSERT OR REPLACE INTO device_id VALUES(?, ?, ?)", identity, place, id);
  }

  #meta(key: string): string | undefined {
    const value = this.#sql.get("SELECT value FROM meta WHERE key = ?", key)?.value;
    return value === undefined ? undefined : String(value);
  }

  #setDefault(key: string, value: string): void {
    this.#sql.run("INSERT OR IGNORE INTO meta VALUES(?, ?)", key, value);
  }
}

function isNameOf(id: string, identity: string): boolean {
  return id === identity || id.startsWith(`${identity}@`);
}
