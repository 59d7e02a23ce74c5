import { TryLaterError } from "../core/mod.ts";

/** What a process wants to do with the buffer; each may be done by one process at a time. */
export type BufferTask = "append" | "drain";

const BUSY: Readonly<Record<BufferTask, string>> = {
  append: "another collect or poll is writing to it",
  drain: "another collect or drain is delivering from it",
};

/** A lock that is held until it is disposed, or the process ends however it ends. */
export class TaskLock implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Takes the lock of a task; undefined when another process has it. */
  static tryTake(bufferPath: string, task: BufferTask): TaskLock | undefined {
    const file = Deno.openSync(`${bufferPath}.${task}.lock`, {
      create: true,
      read: true,
      write: true,
      mode: 0o600,
    });
    if (file.tryLockSync(true)) return new TaskLock(file);
    file.close();
    return undefined;
  }

  /**
   * Takes the lock of a task.
   *
   * @throws {TryLaterError} when another process has it
   */
  static take(bufferPath: string, task: BufferTask): TaskLock {
    const lock = TaskLock.tryTake(bufferPath, task);
    if (lock) return lock;
    throw new TryLaterError(`Cannot use buffer "${bufferPath}": ${BUSY[task]}`);
  }

  /** Gives the lock back. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}
