import {
  type Buffer,
  type BufferStats,
  type Entry,
  type Gap,
  type LocalPosition,
  messageOf,
  type NewEntry,
  type ReadLimit,
  type Rejection,
  type Retention,
  type TrimReport,
  TryLaterError,
} from "../core/mod.ts";
import { Ages, thisMoment } from "./ages.ts";
import { Cursors } from "./cursors.ts";
import { DeadLetters } from "./dead_letters.ts";
import { Gaps } from "./gaps.ts";
import { Identity } from "./identity.ts";
import { InFlight } from "./in_flight.ts";
import { type BufferTask, TaskLock } from "./lock.ts";
import { Maintenance } from "./maintenance.ts";
import { markSuspect, openFile } from "./open.ts";
import { Pace } from "./pace.ts";
import { Packer } from "./packer.ts";
import { openPrivately } from "./private_file.ts";
import { Refusals } from "./refusals.ts";
import { bytesOf, Room } from "./room.ts";
import { Rows } from "./rows.ts";
import type { StorageOptions } from "./schema.ts";
import { Space } from "./space.ts";
import { isBroken, type Row, type Sql, SqliteCode, sqliteCode } from "./sql.ts";
import { Templates } from "./templates.ts";
import { type IsOver, Trimmer } from "./trim.ts";

/** What to do with the buffer: `collect` appends and drains. */
export type BufferRole = "collect" | "append" | "drain" | "maintain";

/** How a buffer is opened. */
export interface BufferOptions extends StorageOptions {
  /** The file. */
  readonly path: string;
  /** What this process does with it. */
  readonly role: BufferRole;
  /** Written with each row. */
  readonly topic: string;
  /** The collector's name; undefined = the one in the file, or a random one in a new file. */
  readonly collector: string | undefined;
  /** The configured outputs; all others stop holding rows. */
  readonly outputs: readonly string[];
  /** How long appended readings may wait for others to share their commit. */
  readonly commitIntervalMs: number;
  /** Bytes of the file system that the file leaves free. */
  readonly minFreeBytes: number;
  /** What gives way when the file is full: the oldest readings, new ones, or whoever appends waits. */
  readonly whenFull: "drop_oldest" | "drop_newest" | "block";
  /** The text of each schema that rows are written with, by fingerprint. */
  readonly schemas: ReadonlyMap<string, string>;
  /** Makes the record that tells of lost rows. */
  encodeGap(collector: string, gap: Gap): NewEntry;
}

/** What a process does, and no other may do at the same time. */
const TASKS: Readonly<Record<BufferRole, readonly BufferTask[]>> = {
  collect: ["append", "drain"],
  append: ["append"],
  drain: ["drain"],
  maintain: [],
};

/** How often a full buffer is looked at while appending waits. */
const BLOCKED_MS = 200;
interface Waiting {
  readonly entries: readonly NewEntry[];
  resolve(): void;
  reject(error: unknown): void;
}

/** There is no room for readings, and nothing that may give way. */
class FullError extends TryLaterError {}

/** The durable queue in one SQLite file. */
export class SqliteBuffer implements Buffer {
  /** The collector that the file belongs to. */
  readonly collector: string;
  /** Where a corrupt file was put when this one was begun in its place. */
  readonly setAside: string | undefined;
  /** Where a copy of the log was put when commits at its end could not be read any more. */
  readonly damagedLog: string | undefined;
  /** Whether somebody else than the buffer changed how far its outputs are. */
  readonly hasForeignPositions: boolean;
  /** How long appended readings may wait for others to share their commit. */
  readonly commitIntervalMs: number;
  #options: BufferOptions;
  readonly #sql: Sql;
  readonly #resources: DisposableStack;
  readonly #identity: Identity;
  readonly #packer: Packer;
  readonly #rows: Rows;
  readonly #gaps: Gaps;
  readonly #inFlight: InFlight;
  readonly #cursors: Cursors;
  readonly #deadLetters: DeadLetters;
  readonly #room: Room;
  readonly #space: Space;
  readonly #trimmer: Trimmer;
  readonly #ages: Ages;
  readonly #breaking = new AbortController();
  readonly #watchers = new Set<() => void>();
  readonly #refusals = new Refusals();
  #waiting: Waiting[] = [];
  readonly #pace: Pace;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #latest: number;
  /** Bytes that had been stored when it was last trimmed. */
  #trimmedAt = 0;
  #isStopping = false;

  /**
   * Opens the file.
   *
   * @throws {TryLaterError} another process does the same with it, or opens it without an end
   * @throws {RefusedError} it may not be opened
   * @throws {ConfigError} it cannot be kept as asked
   */
  constructor(options: BufferOptions) {
    using stack = new DisposableStack();
    const { path, role } = options;
    const tasks = TASKS[role];
    openPrivately(path).close();
    using _turn = TaskLock.takeTurn(path);
    for (const task of tasks) stack.use(TaskLock.take(path, task));
    const others = TASKS.collect.filter((task) => !tasks.includes(task));
    const file = openFile(path, options, {
      lockOthers: () => TaskLock.tryTakeAll(path, others),
      mayExchange: tasks.includes("append"),
    });
    this.#sql = stack.use(file.sql);
    this.#options = options;
    this.commitIntervalMs = options.commitIntervalMs;
    this.#pace = new Pace(options.commitIntervalMs, () => this.flush());
    this.setAside = file.setAside;
    this.damagedLog = file.damagedLog;
    this.hasForeignPositions = file.hasForeignPositions;
    const name = options.collector ?? file.formerCollector;
    this.#identity = new Identity(this.#sql, name);
    this.collector = this.#identity.collector;
    {
      using drain = TaskLock.tryTakeAll(path, others.filter((task) => task === "drain"));
      // While somebody else delivers, the file cannot have been exchanged under them.
      if (drain) this.#identity.open();
    }
    const templates = new Templates(this.#sql);
    this.#packer = new Packer(this.#sql, templates, options.maxBytes);
    this.#rows = new Rows(this.#sql, templates, this.#appends ? this.#packer : undefined);
    this.#gaps = new Gaps(this.#sql, (gap) => this.#insertGap(gap));
    this.#inFlight = new InFlight(this.#sql, this.#gaps);
    this.#cursors = new Cursors(this.#sql, this.#gaps, this.#inFlight);
    this.#deadLetters = new DeadLetters(this.#sql, this.#rows, options.maxBytes);
    this.#room = new Room(this.#sql, options);
    this.#trimmer = new Trimmer(this.#sql, this.#rows, {
      cursors: this.#cursors,
      gaps: this.#gaps,
      inFlight: this.#inFlight,
      room: this.#room,
    });
    this.#space = new Space(this.#sql, this.#room, this.#trimmer, {
      ...options,
      keepsBallast: tasks.includes("append"),
    });
    this.#ages = new Ages(this.#sql, thisMoment());
    if (role !== "maintain") {
      this.#sql.transaction(() => this.#cursors.activate(options.outputs));
    }
    for (const [fingerprint, text] of options.schemas) this.#keepSchema(fingerprint, text);
    this.#space.placeBallast();
    this.#latest = this.#identity.latest();
    this.#resources = stack.move();
  }

  /** Aborts once the disk or the file has failed. */
  get broken(): AbortSignal {
    return this.#breaking.signal;
  }

  /** Stores readings in order; resolves when they are on disk. */
  append(entries: readonly NewEntry[]): Promise<void> {
    if (entries.length === 0) return Promise.resolve();
    const stored = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ entries, resolve, reject });
    });
    // A full buffer is looked at again in its own time.
    if (this.#timer === undefined) this.#pace.arrived();
    return stored;
  }

  /** Takes readings even when full from now on: nobody may be left waiting at a stop. */
  unblock(): void {
    this.#isStopping = true;
    this.flush();
  }

  /** Commits what waits now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pace.done();
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    const entries = waiting.flatMap(({ entries }) => entries);
    try {
      this.#guard(() => this.#store(entries));
    } catch (error) {
      if (this.#options.whenFull === "block" && !this.#isStopping && isFull(error)) {
        // Whoever appends waits until the outputs have taken enough.
        this.#timer = setTimeout(() => this.flush(), BLOCKED_MS);
        return;
      }
      this.#waiting = [];
      if (!this.broken.aborted) this.#refusals.add(entries, refusalOf(error));
      this.#tellRefused();
      for (const { reject } of waiting) reject(error);
      return;
    }
    this.#waiting = [];
    for (const { resolve } of waiting) resolve();
    this.#changed();
  }

  /** The next entries an output has to take, all of one topic. */
  read(output: string, limit: ReadLimit): Promise<readonly Entry[]> {
    return this.#attempt(() => this.#read(output, limit));
  }

  /** Moves an output forward; rejected readings go to the dead letters. */
  commit(output: string, through: number, rejected: readonly Rejection[]): Promise<void> {
    return this.#attempt(() => {
      this.#space.write(() => {
        for (const rejection of rejected) this.#reject(output, rejection);
        if (rejected.length > 0) this.#deadLetters.trim();
        this.#inFlight.arrived(output, through);
        this.#cursors.advance(output, through);
      });
      // It is there: it can be told at once.
      if (rejected.length > 0) this.#publishGaps(output, true);
    });
  }

  /**
   * Makes these the outputs that hold rows from now on, as when it is opened, and this the topic of
   * rows to come. Those that leave must have come to rest.
   */
  route(outputs: readonly string[], topic: string): Promise<void> {
    return this.#attempt(() => {
      this.#space.write(() => this.#cursors.activate(outputs));
      this.#options = { ...this.#options, topic };
    });
  }

  /** What is known about an output's position. */
  local(output: string): Promise<LocalPosition> {
    return this.#attempt(() => {
      const { position, note } = this.#cursors.get(output);
      const { collector, incarnation } = this.#identity;
      return {
        collector,
        epoch: this.#identity.epoch(),
        position,
        latest: this.#identity.latest(),
        incarnation,
        incarnations: this.#identity.incarnations(),
        note,
      };
    });
  }

  /** Keeps an output's note until it next commits. */
  note(output: string, text: string): Promise<void> {
    return this.#attempt(() =>
      this.#space.write(() => {
        // From now on the destination may name this incarnation, whatever happens to us.
        this.#identity.markUsed();
        this.#inFlight.keep(output);
        this.#cursors.note(output, text);
      })
    );
  }

  /** Starts a new epoch: positions count as new from here. */
  renewEpoch(): Promise<number> {
    return this.#attempt(() => this.#space.write(() => this.#identity.renewEpoch()));
  }

  /** The text of a schema; empty when it is not known. */
  schemaText(fingerprint: string): Promise<string> {
    return this.#attempt(() => {
      const row = this.#sql.get("SELECT text FROM schema_text WHERE fingerprint = ?", fingerprint);
      return String(row?.text ?? "");
    });
  }

  /** Resolves when something stands after `position`, or when `signal` aborts. */
  appended(position: number, signal: AbortSignal): Promise<void> {
    if (this.#latest > position || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#watchers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#watchers.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  /** Drops what is delivered, then what is too old or too much; gives the space back. */
  trim(retention: Retention): Promise<TrimReport> {
    return this.#attempt(() => {
      try {
        return this.#trim(retention);
      } catch (error) {
        if (sqliteCode(error) !== SqliteCode.full) throw error;
        this.#space.reclaim();
        return this.#trim(retention);
      }
    });
  }

  /** Figures of this moment. */
  stats(): Promise<BufferStats> {
    return this.#attempt(() => {
      const span = this.#sql.get(
        // Each by itself is the end of an index; together they would read the whole of one.
        "SELECT (SELECT min(id) FROM telemetry_queue) AS first, " +
          "(SELECT max(id) FROM telemetry_queue) AS last, " +
          "(SELECT min(created_at) FROM telemetry_queue) AS oldest",
      );
      const first = Number(span?.first ?? 0);
      const latest = this.#identity.latest();
      return {
        rows: first === 0 ? 0 : Number(span?.last) - first + 1,
        bytes: this.#room.used(),
        stored: this.#rows.stored,
        maxBytes: this.#options.maxBytes,
        oldestAt: first === 0 ? undefined : Number(span?.oldest),
        deadLetters: this.#deadLetters.count(),
        backlog: this.#cursors.backlog(first, latest),
        waitingSince: this.#cursors.waitingSince(),
        dropped: this.#gaps.dropped(),
      };
    });
  }

  /** The latest `createdAt` that any row ever had, Unix milliseconds; 0 = there was none. */
  latestTime(): Promise<number> {
    return this.#attempt(() => this.#rows.latestTime());
  }

  /** What is done with the file by hand. */
  maintenance(): Maintenance {
    return new Maintenance(this.#sql, this.#rows, this.#identity, {
      cursors: this.#cursors,
      gaps: this.#gaps,
      room: this.#room,
      topic: this.#options.topic,
    });
  }

  /** Gives the name a device keeps for ever; see {@linkcode Identity.deviceId}. */
  deviceId(identity: string, place: string, isTaken: boolean): Promise<string> {
    return this.#attempt(() => this.#identity.deviceId(identity, place, isTaken));
  }

  /** Writes what waits, and closes the file. */
  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => {
      this.unblock();
      this.#tellRefused();
      this.#resources[Symbol.dispose]();
      resolve();
    });
  }

  get #appends(): boolean {
    return TASKS[this.#options.role].includes("append");
  }

  /** The contract is asynchronous, so that the buffer can move to a Worker. */
  #attempt<T>(job: () => T): Promise<T> {
    return new Promise((resolve) => resolve(this.#guard(job)));
  }

  /** Runs what uses the file; nothing more once it has failed. */
  #guard<T>(job: () => T): T {
    this.broken.throwIfAborted();
    try {
      return job();
    } catch (error) {
      if (isBroken(error)) this.#break(error);
      if (sqliteCode(error) !== SqliteCode.busy) throw error;
      throw new TryLaterError(
        `Cannot use buffer "${this.#options.path}": another process is writing to it for too long`,
        { cause: error },
      );
    }
  }

  /** After a failed write or sync SQLite may be wrong about what is on disk. */
  #break(cause: unknown): void {
    const { path } = this.#options;
    if (sqliteCode(cause) !== SqliteCode.ioError) markSuspect(path);
    this.#breaking.abort(
      Object.assign(
        new TryLaterError(
          `Cannot use buffer "${path}" any longer: ${
            messageOf(cause)
          }; what is committed is safe, ` +
            "start again",
          { cause },
        ),
        { errcode: cause instanceof Error && "errcode" in cause ? cause.errcode : undefined },
      ),
    );
  }

  #store(entries: readonly NewEntry[]): void {
    this.#tellRefused();
    const bytes = bytesOf(entries);
    this.#space.write(() => {
      this.#packer.begin();
      // What gives way and what comes are one transaction: nothing goes in vain.
      if (this.#appends && !this.#space.make(bytes, this.#isStopping)) throw this.#full();
      this.#rows.insertAll(entries, this.#options);
    });
  }

  #full(): FullError {
    return new FullError(
      `The buffer is full, and buffer.when_full is ${this.#options.whenFull}`,
    );
  }

  /** New readings are lost: told of as soon as that can be written down. */
  #tellRefused(): void {
    if (this.#refusals.isEmpty || this.broken.aborted) return;
    try {
      this.#guard(() =>
        this.#sql.transaction(() => {
          const latest = this.#identity.latest();
          const refused = [...this.#refusals].flatMap(([reason, { count, ...span }]) =>
            this.#cursors.refused(latest, count, span, reason)
          );
          for (const gap of refused) this.#gaps.record(gap);
        })
      );
      this.#refusals.clear();
    } catch {
      // As full as before: the next time.
    }
  }

  #trim({ maxBytes, maxAgeSeconds, maxMs = Number.POSITIVE_INFINITY }: Retention): TrimReport {
    const now = thisMoment();
    const isOver: IsOver = () => performance.now() - now.steady >= maxMs;
    const before = this.#room.fileBytes();
    const delivered = this.#trimmer.dropDelivered(isOver);
    const lost = [
      ...(this.#ages.canTell(now)
        ? [this.#trimmer.dropOld(now.wall - maxAgeSeconds * 1000, isOver)]
        : []),
      ...(this.#options.whenFull === "drop_oldest"
        ? [this.#trimmer.dropExcess(maxBytes, "max_bytes", isOver)]
        : []),
    ];
    const dropped = lost.reduce((sum, { rows }) => sum + rows, 0);
    this.#packer.retire(this.#rows.first(), now.steady);
    const isGivenBack = this.#space.giveBack(isOver, this.#rows.stored - this.#trimmedAt);
    this.#trimmedAt = this.#rows.stored;
    this.#space.placeBallast();
    if (dropped > 0) this.#changed();
    return {
      delivered: delivered.rows,
      dropped,
      freedBytes: Math.max(before - this.#room.fileBytes(), 0),
      isComplete: isGivenBack && [delivered, ...lost].every(({ isComplete }) => isComplete),
    };
  }

  #changed(): void {
    this.#latest = this.#identity.latest();
    for (const wake of this.#watchers) wake();
  }

  #keepSchema(fingerprint: string, text: string): void {
    this.#sql.run(
      "INSERT INTO schema_text VALUES(?, ?) " +
        // A text that went bad on disk would make everything unreadable that is delivered with it.
        "ON CONFLICT DO UPDATE SET text = excluded.text WHERE text IS NOT excluded.text",
      fingerprint,
      text,
    );
  }

  /** The rows are old, the record of them is not: it must not go by age before it is delivered. */
  #insertGap(gap: Gap): number {
    const entry = this.#options.encodeGap(this.collector, gap);
    return this.#rows.insert({ ...entry, createdAt: Date.now() }, this.#options);
  }

  #read(output: string, limit: ReadLimit): readonly Entry[] {
    if (this.#inFlight.askedAgain(output)) this.#space.write(() => this.#inFlight.settle(output));
    this.#publishGaps(output, false);
    for (;;) {
      const { position } = this.#cursors.get(output);
      const { entries, corrupt } = this.#rows.next(output, position, limit);
      if (corrupt) this.#dropCorrupt(corrupt, Number(corrupt.id));
      if (entries.length > 0) return this.#handOut(output, entries);
      // A row that went bad may have been the first one: look again behind it.
      if (!corrupt && !this.#publishGaps(output, true)) return entries;
    }
  }

  #handOut(output: string, entries: readonly Entry[]): readonly Entry[] {
    const last = entries.at(-1)?.position ?? 0;
    this.#inFlight.handOut(output, last);
    // With more behind them they may be the next to go, dropped by another process.
    if (last < this.#identity.latest()) this.#tryToWrite(() => this.#inFlight.keep(output));
    return entries;
  }

  /** Tells an output that is there again what it lost; with nothing else to deliver in any case. */
  #publishGaps(output: string, isIdle: boolean): boolean {
    if (this.#gaps.open(output) === 0) return false;
    if (!isIdle && this.#room.used() >= this.#room.limit().bytes) return false;
    // It is kept, and told when there is room.
    if (!this.#tryToWrite(() => this.#gaps.publish(output))) return false;
    this.#changed();
    return true;
  }

  /** Writes what can wait; whether there was room for it. */
  #tryToWrite(job: () => void): boolean {
    try {
      this.#space.write(job);
      return true;
    } catch (error) {
      if (isBroken(error)) throw error;
      return false;
    }
  }

  /** A row whose bytes changed on disk is set aside, and told of as a gap to each output. */
  #dropCorrupt(row: Row, position: number): void {
    this.#space.write(() => {
      const lost = this.#cursors.lostRow(position, row.created_at, "corrupt");
      this.#deadLetters.add("*", { position, reason: "checksum" }, this.#identity.epoch());
      this.#deadLetters.trim();
      this.#gaps.forgetOne(position);
      this.#sql.run("DELETE FROM telemetry_queue WHERE id = ?", position);
      for (const gap of lost) this.#gaps.record(gap);
    });
  }

  #reject(output: string, rejection: Rejection): void {
    const { position } = rejection;
    this.#deadLetters.add(output, rejection, this.#identity.epoch());
    for (const gap of this.#cursors.lost(output, position, position, rejection.reason)) {
      this.#gaps.record(gap);
    }
    this.#inFlight.reject(output, position, rejection.reason);
  }
}

/** Whether there was no room for readings, in the file or on its disk. */
function isFull(error: unknown): boolean {
  return error instanceof FullError || sqliteCode(error) === SqliteCode.full;
}

/** The word for the gap that new readings leave. */
function refusalOf(error: unknown): string {
  if (error instanceof FullError) return "drop_newest";
  return sqliteCode(error) === SqliteCode.full ? "disk_full" : "buffer_error";
}
