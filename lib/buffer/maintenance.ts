import type { NewEntry } from "../core/mod.ts";
import { crc32c } from "../crc32c.ts";
import type { Cursors } from "./cursors.ts";
import type { Gaps } from "./gaps.ts";
import type { Identity } from "./identity.ts";
import { bytesOf, type Room } from "./room.ts";
import { type LogRow, Rows } from "./rows.ts";
import { seal } from "./seal.ts";
import { type Row, Sql } from "./sql.ts";
import { Templates } from "./templates.ts";

/** Rows looked at in one transaction: nothing that writes waits long. */
const CHUNK = 200;

/** A reading that was set aside. */
export interface DeadLetter {
  /** Counts up in the order in which they were set aside. */
  readonly id: number;
  /** Who rejected it; `*` = it went bad on disk. */
  readonly output: string;
  /** Why. */
  readonly reason: string;
  /** When, Unix milliseconds. */
  readonly rejectedAt: number;
  /** What its position was unique within. */
  readonly epoch: number;
  /** Its position in the log. */
  readonly position: number;
  /** The topic it was meant for. */
  readonly topic: string;
  /** Its content, which is what was written or not. */
  readonly entry: NewEntry;
  /** Whether the content is what was written. */
  readonly isSound: boolean;
}

/** Dead letters of one output and reason. */
export interface DeadLetterCount {
  /** Who rejected them. */
  readonly output: string;
  /** Why. */
  readonly reason: string;
  /** How many. */
  readonly count: number;
  /** Bytes of their content. */
  readonly bytes: number;
  /** When the first was set aside, Unix milliseconds. */
  readonly since: number;
}

/** Which dead letters; those that are left out do not matter. */
export interface DeadLetterFilter {
  /** Rejected by this output. */
  readonly output?: string | undefined;
  /** For this reason. */
  readonly reason?: string | undefined;
}

/** What became of dead letters. */
export interface Requeued {
  /** Stand in the log again. */
  readonly requeued: number;
  /** Went bad on disk: nobody may take them for readings. */
  readonly damaged: number;
  /** Of outputs that are not configured: nobody would take them. */
  readonly unwanted: number;
  /** There was no room for them. */
  readonly left: number;
}

/** How an output stands. */
export interface OutputState {
  /** Its name. */
  readonly output: string;
  /** Whether it is configured. */
  readonly active: boolean;
  /** Everything up to here is delivered. */
  readonly position: number;
  /** Rows it still has to take. */
  readonly backlog: number;
  /** When the oldest of them was written, Unix milliseconds. */
  readonly waitingSince: number | undefined;
  /** Gaps whose record is not in the log yet. */
  readonly untoldGaps: number;
}

/** What an opened buffer is made of. */
export interface MaintenanceParts {
  /** Where the outputs stand. */
  readonly cursors: Cursors;
  /** What they are told of. */
  readonly gaps: Gaps;
  /** How much there is. */
  readonly room: Room;
  /** Where events go. */
  readonly topic: string;
}

/** What is done with a buffer file by hand. All of it may run beside a collector. */
export class Maintenance {
  readonly #sql: Sql;
  readonly #rows: Rows;
  readonly #parts: MaintenanceParts;
  readonly #identity: Identity;

  /** On the parts of an opened buffer. */
  constructor(
    sql: Sql,
    rows: Rows,
    identity: Identity,
    parts: MaintenanceParts,
  ) {
    this.#sql = sql;
    this.#rows = rows;
    this.#identity = identity;
    this.#parts = parts;
  }

  /** What SQLite says of the file: `ok`, or its first fault. */
  integrity(): string {
    return String(this.#sql.get("PRAGMA quick_check(1)")?.quick_check);
  }

  /** Puts what stands in SQLite's log into the file, which only then becomes shorter. */
  checkpoint(): void {
    this.#sql.all("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** How many rows of the log are not what was written. */
  damagedRows(): number {
    let damaged = 0;
    for (const row of this.#all(0)) if (!this.#rows.sound(row)) damaged++;
    return damaged;
  }

  /** How each output stands. */
  outputs(): OutputState[] {
    return this.#sql.all("SELECT output, position, active FROM output_cursor ORDER BY output").map(
      (row) => {
        const [output, position] = [String(row.output), Number(row.position)];
        const { backlog, since } = this.#sql.get(
          "SELECT count(*) AS backlog, (SELECT CAST(created_at AS REAL) FROM telemetry_queue " +
            "WHERE id > ?1 AND (output IS NULL OR output = ?2) ORDER BY id LIMIT 1) AS since " +
            "FROM telemetry_queue WHERE id > ?1 AND (output IS NULL OR output = ?2)",
          position,
          output,
        ) ?? {};
        return {
          output,
          position,
          active: row.active === 1,
          backlog: Number(backlog),
          waitingSince: typeof since === "number" ? since : undefined,
          untoldGaps: this.#sql.number(
            "SELECT count(*) FROM gap WHERE position IS NULL AND output = ?",
            output,
          ),
        };
      },
    );
  }

  /** Dead letters by output and reason. */
  deadLetterCounts(): DeadLetterCount[] {
    return this.#sql.all(
      "SELECT output, reason, count(*) AS count, sum(length(payload)) AS bytes, " +
        "min(rejected_at) AS since FROM dead_letter GROUP BY output, reason ORDER BY 1, 2",
    ).map((row) => ({
      output: String(row.output),
      reason: String(row.reason),
      count: Number(row.count),
      bytes: Number(row.bytes),
      since: Number(row.since),
    }));
  }

  /** Sizes in bytes. */
  sizes(): { readonly used: number; readonly file: number; readonly limit: number } {
    const { room } = this.#parts;
    return { used: room.used(), file: room.fileBytes(), limit: room.limit().bytes };
  }

  /** The sound rows that an output still has to take; of all that some output has, when left out. */
  *backlog(output: string | undefined): Generator<LogRow> {
    const { cursors } = this.#parts;
    const from = output === undefined ? cursors.delivered() : cursors.get(output).position;
    for (const row of this.#all(from)) {
      const sound = this.#rows.sound(row);
      const isWanted = output === undefined || sound?.output === null || sound?.output === output;
      if (sound && isWanted) yield sound;
    }
  }

  /** The dead letters, in the order in which they were set aside. */
  *deadLetters({ output, reason }: DeadLetterFilter): Generator<DeadLetter> {
    for (let last = 0;;) {
      const found = this.#sql.all(
        "SELECT * FROM dead_letter WHERE id > ?1 AND (?2 IS NULL OR output = ?2) AND " +
          "(?3 IS NULL OR reason = ?3) ORDER BY id LIMIT ?4",
        last,
        output ?? null,
        reason ?? null,
        CHUNK,
      );
      for (const row of found) yield toDeadLetter(row);
      if (found.length < CHUNK) return;
      last = Number(found.at(-1)?.id);
    }
  }

  /**
   * Puts dead letters back into the log. Each gets a new position, and only the output that rejected
   * it gets it: all others have had it.
   *
   * @param encodeEvent makes the record that tells of it, for everybody
   */
  requeue(filter: DeadLetterFilter, encodeEvent: (text: string) => NewEntry): Requeued {
    const active = this.outputs().filter(({ active }) => active).map(({ output }) => output);
    const letters = [...this.deadLetters(filter)];
    const sound = letters.filter(({ isSound }) => isSound);
    const wanted = sound.filter(({ output }) => active.includes(output));
    let requeued = 0;
    while (requeued < wanted.length) {
      const chunk = wanted.slice(requeued, requeued + CHUNK);
      if (!this.#fits(chunk)) break;
      this.#sql.transaction(() => this.#putBack(chunk, encodeEvent));
      requeued += chunk.length;
    }
    return {
      requeued,
      damaged: letters.length - sound.length,
      unwanted: sound.length - wanted.length,
      left: wanted.length - requeued,
    };
  }

  /**
   * Copies the file while it is in use. In the copy positions count as new, so that a collector that
   * goes on from it can neither lose nor confuse anything.
   *
   * @param target an empty file
   * @param event what the copy tells whoever reads the data, should it ever be used
   */
  async backup(target: string, event: NewEntry): Promise<void> {
    await this.#sql.copyTo(target);
    using copy = new Sql(target);
    // One file, with nothing beside it.
    copy.all("PRAGMA journal_mode = delete");
    copy.transaction(() => {
      new Rows(copy, new Templates(copy)).insert(event, { topic: this.#parts.topic });
      copy.run("UPDATE meta SET value = ? WHERE key = 'epoch'", String(this.#nextEpoch()));
      seal(copy);
    });
  }

  #nextEpoch(): number {
    return Math.max(this.#identity.epoch() + 1, Date.now());
  }

  #fits(letters: readonly DeadLetter[]): boolean {
    const { room } = this.#parts;
    return room.used() + bytesOf(letters.map(({ entry }) => entry)) <= room.limit().bytes;
  }

  #putBack(letters: readonly DeadLetter[], encodeEvent: (text: string) => NewEntry): void {
    for (const [output, own] of Map.groupBy(letters, (letter) => letter.output)) {
      const positions = own.map(({ id, topic, entry }) => {
        this.#sql.run("DELETE FROM dead_letter WHERE id = ?", id);
        // Its row is new: it must not go by its age at once.
        return this.#rows.insert({ ...entry, createdAt: Date.now() }, { topic, output });
      });
      this.#excuse(output, positions);
      const before = own.map(({ position }) => position).join(", ");
      const text = `${output}: readings that were set aside come again as positions ` +
        `${positions.at(0)}–${positions.at(-1)}; they were ${before}`;
      // At the end stands a row for everybody: it takes the other outputs past these.
      this.#rows.insert(encodeEvent(text), { topic: this.#parts.topic });
    }
  }

  /** All other outputs are told that these positions are not for them. */
  #excuse(owner: string, positions: readonly number[]): void {
    const at = Date.now() * 1000;
    for (const { output } of this.outputs()) {
      if (output === owner) continue;
      const [first = 0, last = 0] = [positions.at(0), positions.at(-1)];
      const gap = { first, last, count: 0, reason: "requeued", from: at, to: at };
      this.#parts.gaps.record({ output, ...gap });
    }
  }

  *#all(from: number): Generator<Row> {
    for (let last = from;;) {
      const found = this.#rows.behind(last, CHUNK);
      yield* found;
      if (found.length < CHUNK) return;
      last = Number(found.at(-1)?.id);
    }
  }
}

function toDeadLetter(row: Row): DeadLetter {
  const payload = row.payload instanceof Uint8Array ? row.payload : new Uint8Array(0);
  return {
    id: Number(row.id),
    output: String(row.output),
    reason: String(row.reason),
    rejectedAt: Number(row.rejected_at),
    epoch: Number(row.epoch),
    position: Number(row.position),
    topic: String(row.topic),
    entry: {
      schema: String(row.schema),
      payload,
      createdAt: Number(row.created_at),
      clockSynced: row.clock_synced === null ? null : Boolean(row.clock_synced),
    },
    // The first version kept no checksum of them: those that went bad said so.
    isSound: row.crc === null ? row.reason !== "checksum" : crc32c(payload) === row.crc,
  };
}
