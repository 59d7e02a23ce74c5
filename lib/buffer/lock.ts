import { TryLaterError } from "../core/mod.ts";
import { openPrivately } from "./private_file.ts";

/** What a process wants to do with the buffer; each may be done by one process at a time. */
export type BufferTask = "append" | "drain";

const BUSY: Readonly<Record<BufferTask, string>> = {
  append: "another collect or poll is writing to it",
  drain: "another collect or drain is delivering from it",
};

/** As long as a large file takes on slow storage when it has to be checked whole. */
const OPENING_MS = 60_000;
const LOOK_AGAIN_MS = 5;

/** A lock that is held until it is disposed, or the process ends however it ends. */
export class TaskLock implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Waits until no other process is opening the buffer, and keeps all others from it. Whoever opens it
   * looks whether others are at it by taking their locks for a moment: two that start in the same
   * second, as cron has them do, would get in each other's way.
   *
   * @throws {TryLaterError} when somebody else takes for ever
   */
  static takeTurn(bufferPath: string): Disposable {
    const giveUpAt = performance.now() + OPENING_MS;
    for (;;) {
      const turn = TaskLock.#tryTake(bufferPath, "open");
      if (turn) return turn;
      if (performance.now() > giveUpAt) {
        throw new TryLaterError(
          `Cannot use buffer "${bufferPath}": another process has been opening it for a minute`,
        );
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN_MS);
    }
  }

  /** Takes the lock of a task; undefined when another process has it. */
  static tryTake(bufferPath: string, task: BufferTask): TaskLock | undefined {
    return TaskLock.#tryTake(bufferPath, task);
  }

  static #tryTake(bufferPath: string, task: BufferTask | "open"): TaskLock | undefined {
    const file = openPrivately(`${bufferPath}.${task}.lock`, bufferPath);
    if (file.tryLockSync(true)) return new TaskLock(file);
    file.close();
    return undefined;
  }

  /** Takes the locks of several tasks; undefined when another process has one of them. */
  static tryTakeAll(bufferPath: string, tasks: readonly BufferTask[]): Disposable | undefined {
    using stack = new DisposableStack();
    for (const task of tasks) {
      const lock = TaskLock.tryTake(bufferPath, task);
      if (!lock) return undefined;
      stack.use(lock);
    }
    return stack.move();
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

  /** Gives the lock back; closing alone would leave it to a child that is just being started. */
  [Symbol.dispose](): void {
    this.#file.unlockSync();
    this.#file.close();
  }
}
