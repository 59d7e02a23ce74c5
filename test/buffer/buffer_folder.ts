import { DatabaseSync } from "node:sqlite";
import { type BufferHandle, type BufferOptions, SqliteBuffer } from "../../lib/buffer/mod.ts";
import { crc32c } from "../../lib/crc32c.ts";
import type { Entry, Gap, NewEntry } from "../../lib/core/mod.ts";

/** How tests open a buffer unless they say otherwise; commits are at once. */
export const OPTIONS = {
  role: "collect",
  topic: "readings",
  collector: "roof",
  outputs: ["file"],
  synchronous: "full",
  commitIntervalMs: 0,
  maxBytes: 64 * 1024 * 1024,
  minFreeBytes: 0,
  whenFull: "drop_oldest",
  schemas: new Map([["s1", '"text of s1"']]),
  encodeGap: (collector: string, gap: Gap) => ({
    schema: "s1",
    payload: bytes(JSON.stringify({ collector, gap })),
    createdAt: Math.floor(gap.to / 1000),
    clockSynced: null,
  }),
} as const satisfies Omit<BufferOptions, "path">;

let opener = (options: BufferOptions): Promise<BufferHandle> =>
  Promise.resolve(new SqliteBuffer(options));

/** Has all that is `opened` from now on opened in another way. */
export function openBy(other: (options: BufferOptions) => Promise<BufferHandle>): void {
  opener = other;
}

/** A folder for a buffer file, removed at the end of the scope. */
export class BufferFolder implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "sunspool-buffer-" });
  readonly path: string = `${this.folder}/buffer.sqlite`;

  /** Opens the buffer in this thread. */
  open(options: Partial<BufferOptions> = {}): SqliteBuffer {
    return new SqliteBuffer({ ...OPTIONS, path: this.path, ...options });
  }

  /** Opens the buffer in each way that there is: whatever is tested with it holds for all. */
  opened(options: Partial<BufferOptions> = {}): Promise<BufferHandle> {
    return opener({ ...OPTIONS, path: this.path, ...options });
  }

  /** Opens the file a second time, as any other program would. */
  look(): Look {
    return new Look(this.path);
  }

  /** The names of the files beside the buffer. */
  names(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.folder, { recursive: true });
  }
}

/** A second connection to the file. */
export class Look implements Disposable {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 5000 });
  }

  /** Rows of a query, each as an array of its columns. */
  rows(sql: string): unknown[][] {
    return this.#database.prepare(sql).all().map((row) => Object.values(row));
  }

  /** Rows of a query with one column. */
  column(sql: string): unknown[] {
    return this.rows(sql).map(([value]) => value);
  }

  /** Changes the file. */
  run(sql: string, ...values: (string | number | Uint8Array)[]): void {
    this.#database.prepare(sql).run(...values);
  }

  /** Puts a row into the log as the first version did. */
  insert(payload: Uint8Array): void {
    this.run(
      "INSERT INTO telemetry_queue(topic, payload, created_at, schema, crc) " +
        "VALUES('readings', ?, 1000, 's1', ?)",
      payload,
      crc32c(payload),
    );
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** A text as bytes. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A reading that says its name. */
export function entry(name: string, more: Partial<NewEntry> = {}): NewEntry {
  return { schema: "s1", payload: bytes(name), createdAt: Date.now(), clockSynced: true, ...more };
}

/** Readings with these names. */
export function entries(...names: readonly string[]): NewEntry[] {
  return names.map((name) => entry(name));
}

/** Readings `first` to `last`, named by their numbers. */
export function numbered(first: number, last: number, more: Partial<NewEntry> = {}): NewEntry[] {
  return Array.from({ length: last - first + 1 }, (_, i) => entry(String(first + i), more));
}

/** What entries say. */
export function textsOf(read: readonly Pick<Entry, "payload">[]): string[] {
  return read.map(({ payload }) => new TextDecoder().decode(payload));
}

/** No limit that matters. */
export const ALL = { rows: 100_000, bytes: 1e9 } as const;

/** The gaps told of among entries. */
export function gapsOf(read: readonly Entry[]): Gap[] {
  return textsOf(read).filter((text) => text.startsWith("{")).map((text) => JSON.parse(text).gap);
}
