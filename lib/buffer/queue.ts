import type {
  Buffer,
  BufferStats,
  Entry,
  Gap,
  LocalPosition,
  NewEntry,
  ReadLimit,
  Rejection,
  Retention,
  TrimReport,
} from "../core/mod.ts";
import { crc32c } from "./crc32c.ts";
import { Cursors } from "./cursors.ts";
import { Identity } from "./identity.ts";
import { type BufferTask, TaskLock } from "./lock.ts";
import { openFile } from "./open.ts";
import { openPrivately } from "./private_file.ts";
import type { StorageOptions } from "./schema.ts";
import { type Row, type Sql, SqliteCode, sqliteCode } from "./sql.ts";
import { latestTime, trimQueue } from "./trim.ts";

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
  /** What gives way when the file is full. */
  readonly whenFull: "drop_oldest" | "block";
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

/** Rows fetched at once: a batch may end long before the rows do. `iterate()` hides errors. */
const READ_AHEAD = 200;
/** How often a full buffer is looked at while appending waits. */
const BLOCKED_MS = 200;

interface Waiting {
  readonly entries: readonly NewEntry[];
  resolve(): void;
  reject(error: unknown): void;
}

/** The durable queue in one SQLite file. */
export class SqliteBuffer implements Buffer {
  /** The collector that the file belongs to. */
  readonly collector: string;
  /** Where a corrupt file was put when this one was begun in its place. */
  readonly setAside: string | undefined;
  readonly #options: BufferOptions;
  readonly #sql: Sql;
  readonly #locks: DisposableStack;
  readonly #identity: Identity;
  readonly #cursors: Cursors;
  readonly #watchers = new Set<() => void>();
  #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #latest: number;
  #holdsBack: boolean;

  /**
   * Opens the file.
   *
   * @throws {TryLaterError} another process does the same with it
   * @throws {RefusedError} it may not be opened
   * @throws {ConfigError} it cannot be kept as asked
   */
  constructor(options: BufferOptions) {
    using stack = new DisposableStack();
    const { path, role } = options;
    const tasks = TASKS[role];
    openPrivately(path).close();
    for (const task of tasks) stack.use(TaskLock.take(path, task));
    const others = TASKS.collect.filter((task) => !tasks.includes(task));
    const file = openFile(path, options, () => TaskLock.tryTakeAll(path, others));
    this.#sql = stack.use(file.sql);
    this.#options = options;
    this.#holdsBack = options.whenFull === "block" && tasks.includes("append");
    this.setAside = file.setAside;
    const name = options.collector ?? file.formerCollector;
    this.#identity = new Identity(this.#sql, name);
    this.collector = this.#identity.collector;
    {
      using drain = TaskLock.tryTakeAll(path, others.filter((task) => task === "drain"));
      // While somebody else delivers, the file cannot have been exchanged under them.
      if (drain) this.#identity.open();
    }
    this.#cursors = new Cursors(this.#sql, (gap) => this.#insertGap(gap));
    if (role !== "maintain") {
      this.#sql.transaction(() => this.#cursors.activate(options.outputs));
    }
    for (const [fingerprint, text] of options.schemas) this.#keepSchema(fingerprint, text);
    this.#latest = this.#identity.latest();
    this.#locks = stack.move();
  }

  /** Stores readings in order; resolves when they are on disk. */
  append(entries: readonly NewEntry[]): Promise<void> {
    if (entries.length === 0) return Promise.resolve();
    const stored = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ entries, resolve, reject });
    });
    this.#timer ??= setTimeout(() => this.flush(), this.#options.commitIntervalMs);
    return stored;
  }

  /** Takes readings even when full from now on: nobody may be left waiting at a stop. */
  unblock(): void {
    this.#holdsBack = false;
    this.flush();
  }

  /** Commits what waits now instead of at the end of the interval. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    if (this.#holdsBack && this.#usedBytes() >= this.#options.maxBytes) {
      // Whoever appends waits until the outputs have taken enough.
      this.#timer = setTimeout(() => this.flush(), BLOCKED_MS);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      this.#store(waiting.flatMap(({ entries }) => entries));
    } catch (error) {
      for (const { reject } of waiting) reject(error);
      return;
    }
    for (const { resolve } of waiting) resolve();
    this.#changed();
  }

  /** The next entries an output has to take, all of one topic. */
  read(output: string, limit: ReadLimit): Promise<readonly Entry[]> {
    return attempt(() => this.#read(output, limit));
  }

  /** Moves an output forward; rejected readings go to the dead letters, and are told of as gaps. */
  commit(output: string, through: number, rejected: readonly Rejection[]): Promise<void> {
    return attempt(() => {
      this.#sql.transaction(() => {
        this.#cursors.record(rejected.flatMap((rejection) => this.#setAside(output, rejection)));
        this.#cursors.advance(output, through);
      });
      if (rejected.length > 0) this.#changed();
    });
  }

  /** What is known about an output's position. */
  local(output: string): Promise<LocalPosition> {
    return attempt(() => {
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
    return attempt(() => {
      this.#sql.transaction(() => {
        // From now on the destination may name this incarnation, whatever happens to us.
        this.#identity.markUsed();
        this.#cursors.note(output, text);
      });
    });
  }

  /** Starts a new epoch: positions count as new from here. */
  renewEpoch(): Promise<number> {
    return attempt(() => this.#identity.renewEpoch());
  }

  /** The text of a schema; empty when it is not known. */
  schemaText(fingerprint: string): Promise<string> {
    return attempt(() => {
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

  /** Drops what is delivered, then what is too old or too much. */
  trim(retention: Retention): Promise<TrimReport> {
    return attempt(() => {
      const report = trimQueue(this.#sql, this.#cursors, retention, Date.now());
      if (report.dropped > 0) this.#changed();
      return report;
    });
  }

  /** Figures of this moment. */
  stats(): Promise<BufferStats> {
    return attempt(() => {
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
        bytes: this.#usedBytes(),
        maxBytes: this.#options.maxBytes,
        oldestAt: first === 0 ? undefined : Number(span?.oldest),
        deadLetters: this.#sql.number("SELECT count(*) FROM dead_letter"),
        backlog: this.#cursors.backlog(first, latest),
        waitingSince: this.#cursors.waitingSince(),
      };
    });
  }

  /** The latest `createdAt` that any row ever had, Unix milliseconds; 0 = there was none. */
  latestTime(): Promise<number> {
    return attempt(() => latestTime(this.#sql));
  }

  /** Gives the name a device keeps for ever; see {@linkcode Identity.deviceId}. */
  deviceId(identity: string, place: string, isTaken: (id: string) => boolean): string {
    return this.#identity.deviceId(identity, place, isTaken);
  }

  /** Writes what waits, and closes the file. */
  [Symbol.asyncDispose](): Promise<void> {
    return attempt(() => {
      this.unblock();
      this.#locks[Symbol.dispose]();
    });
  }

  #store(entries: readonly NewEntry[]): void {
    const insertAll = () =>
      this.#sql.transaction(() => {
        for (const entry of entries) this.#insert(entry);
      });
    try {
      insertAll();
    } catch (error) {
      if (sqliteCode(error) !== SqliteCode.full) throw error;
      // The cap of the file is reached between two trims: make room now, and try once more.
      const { maxBytes } = this.#options;
      trimQueue(this.#sql, this.#cursors, { maxBytes, maxAgeSeconds: Number.MAX_SAFE_INTEGER }, 0);
      insertAll();
    }
  }

  #changed(): void {
    this.#latest = this.#identity.latest();
    for (const wake of this.#watchers) wake();
  }

  #keepSchema(fingerprint: string, text: string): void {
    this.#sql.run("INSERT OR IGNORE INTO schema_text VALUES(?, ?)", fingerprint, text);
  }

  #insert({ payload, createdAt, schema, clockSynced }: NewEntry): number {
    return this.#sql.run(
      "INSERT INTO telemetry_queue(topic, payload, created_at, schema, crc, clock_synced) " +
        "VALUES(?, ?, ?, ?, ?, ?)",
      this.#options.topic,
      payload,
      createdAt,
      schema,
      crc32c(payload),
      clockSynced === null ? null : Number(clockSynced),
    ).lastId;
  }

  /** The rows are old, the record of them is not: it must not go by age before it is delivered. */
  #insertGap(gap: Gap): void {
    const entry = this.#options.encodeGap(this.collector, gap);
    this.#insert({ ...entry, createdAt: Date.now() });
  }

  #read(output: string, limit: ReadLimit): readonly Entry[] {
    for (;;) {
      const { position } = this.#cursors.get(output);
      const { entries, corrupt } = this.#readSound(position, limit);
      if (corrupt) this.#dropCorrupt(corrupt, Number(corrupt.id));
      // A row that went bad may have been the first one: look again behind it.
      if (entries.length > 0 || !corrupt) return entries;
    }
  }

  /** Entries up to the first row whose bytes are not those that were written. */
  #readSound(position: number, { rows, bytes }: ReadLimit) {
    const entries: Entry[] = [];
    let size = 0;
    let last = position;
    while (entries.length < rows) {
      const found = this.#rowsBehind(last, Math.min(READ_AHEAD, rows - entries.length));
      for (const row of found) {
        const entry = toEntry(row);
        if (!entry || crc32c(entry.payload) !== row.crc) return { entries, corrupt: row };
        size += entry.payload.length;
        const isFull = entries.length > 0 && size > bytes;
        const isOther = entry.topic !== (entries[0]?.topic ?? entry.topic);
        if (isFull || isOther) return { entries, corrupt: undefined };
        entries.push(entry);
        last = entry.position;
      }
      if (found.length < READ_AHEAD) break;
    }
    return { entries, corrupt: undefined };
  }

  #rowsBehind(position: number, count: number): readonly Row[] {
    return this.#sql.all(
      "SELECT id, topic, payload, created_at, schema, crc, clock_synced FROM telemetry_queue " +
        "WHERE id > ? ORDER BY id LIMIT ?",
      position,
      count,
    );
  }

  /** A row whose bytes changed on disk is set aside, and told of as a gap to each output. */
  #dropCorrupt(row: Row, position: number): void {
    const at = Number(row.created_at ?? 0) * 1000;
    this.#sql.transaction(() => {
      const gaps = this.#cursors.gapsBy(position, position, "corrupt", { from: at, to: at });
      this.#moveToDeadLetters("*", { position, reason: "checksum" });
      this.#sql.run("DELETE FROM telemetry_queue WHERE id = ?", position);
      this.#cursors.record(gaps);
    });
  }

  #setAside(output: string, rejection: Rejection): Gap[] {
    const { position, reason } = rejection;
    const row = this.#sql.get("SELECT created_at FROM telemetry_queue WHERE id = ?", position);
    if (!row) return [];
    const at = Number(row.created_at) * 1000;
    this.#moveToDeadLetters(output, rejection);
    return [{ output, first: position, last: position, count: 1, reason, from: at, to: at }];
  }

  #moveToDeadLetters(output: string, { position, reason }: Rejection): void {
    this.#sql.run(
      "INSERT INTO dead_letter(output, position, epoch, topic, payload, schema, created_at, " +
        "reason, rejected_at) SELECT ?, id, ?, topic, payload, schema, created_at, ?, ? " +
        "FROM telemetry_queue WHERE id = ?",
      output,
      this.#identity.epoch(),
      reason,
      Date.now(),
      position,
    );
  }

  #usedBytes(): number {
    const pages = this.#sql.number("PRAGMA page_count") - this.#sql.number("PRAGMA freelist_count");
    return pages * this.#sql.number("PRAGMA page_size");
  }
}

function toEntry(row: Row): Entry | undefined {
  const { id, topic, payload, created_at, schema, clock_synced } = row;
  if (typeof id !== "number" || !(payload instanceof Uint8Array)) return undefined;
  return {
    position: id,
    topic: String(topic),
    payload,
    createdAt: Number(created_at),
    schema: String(schema),
    clockSynced: clock_synced === null ? null : Boolean(clock_synced),
  };
}

/** The contract is asynchronous, so that the buffer can move to a Worker. */
function attempt<T>(job: () => T): Promise<T> {
  return new Promise((resolve) => resolve(job()));
}
