import { backup, DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

export type { SQLInputValue };

/** A row as SQLite gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** Result codes of SQLite that are acted upon; extended codes carry them in the low byte. */
export const SqliteCode = {
  busy: 5,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  constraint: 19,
  notADatabase: 26,
} as const;

/** Whether SQLite says that the file or its disk can no longer be trusted. */
export function isBroken(error: unknown): boolean {
  const { ioError, corrupt, notADatabase } = SqliteCode;
  return [ioError, corrupt, notADatabase].some((code) => code === sqliteCode(error));
}

/** How long a statement waits while another process writes. */
export const BUSY_TIMEOUT_MS = 5000;

/** The primary result code of an error that SQLite raised; undefined for any other. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

/**
 * A database with its statements prepared once.
 *
 * `exec()` hides the code of an error and steps each statement once only, so it is not used.
 */
export class Sql implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #counted = new Map<string, StatementSync>();
  #undone = 0;

  /** @throws {Error} with `errcode` when the file cannot be opened */
  constructor(path: string, options: { readonly readOnly?: boolean } = {}) {
    this.#database = new DatabaseSync(path, {
      readOnly: options.readOnly ?? false,
      timeout: BUSY_TIMEOUT_MS,
    });
  }

  /** How many transactions were rolled back: what is remembered from one of them never was. */
  get undone(): number {
    return this.#undone;
  }

  /** All rows of a query. */
  all(sql: string, ...values: SQLInputValue[]): readonly Row[] {
    return this.#prepare(sql).all(...values);
  }

  /** All rows of a query, their columns counted instead of named: of many rows in half the time. */
  counted(sql: string, ...values: SQLInputValue[]): readonly Row[] {
    let statement = this.#counted.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      // Deno has it; its types do not.
      Reflect.apply(Reflect.get(statement, "setReturnArrays"), statement, [true]);
      this.#counted.set(sql, statement);
    }
    return statement.all(...values);
  }

  /** The first row of a query. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  /** Changes rows; gives how many, and the id of the last inserted one. */
  run(sql: string, ...values: SQLInputValue[]): { changes: number; lastId: number } {
    const { changes, lastInsertRowid } = this.#prepare(sql).run(...values);
    return { changes: Number(changes), lastId: Number(lastInsertRowid) };
  }

  /** A number out of a query of one column; 0 when there is none. */
  number(sql: string, ...values: SQLInputValue[]): number {
    return Number(Object.values(this.get(sql, ...values) ?? {})[0] ?? 0);
  }

  /** Runs `job` in one transaction, the one there is or a new one: all of it, or nothing. */
  transaction<T>(job: () => T): T {
    if (this.#database.isTransaction) return job();
    this.run("BEGIN IMMEDIATE");
    try {
      const result = job();
      this.run("COMMIT");
      return result;
    } catch (error) {
      this.#undone++;
      // SQLite rolls some failures back itself.
      if (this.#database.isTransaction) this.run("ROLLBACK");
      throw error;
    }
  }

  /**
   * Runs `job` without waiting for the disk at its commits. The log keeps its order: the next commit
   * that waits makes these safe too.
   */
  unsynced<T>(job: () => T): T {
    const before = this.number("PRAGMA synchronous");
    this.run("PRAGMA synchronous = 1");
    try {
      return job();
    } finally {
      this.run(`PRAGMA synchronous = ${before}`);
    }
  }

  /** Copies the database as it is at this moment; others go on reading and writing. */
  async copyTo(path: string): Promise<void> {
    // In one step: between two, somebody else's commit would begin it again.
    await backup(this.#database, path, { rate: 2 ** 31 - 1 });
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#counted.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
