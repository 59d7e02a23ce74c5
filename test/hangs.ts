/** Ways to hang, for a program that is watched. */
import { SqliteBuffer } from "../lib/buffer/mod.ts";
import { Supervisor } from "../lib/collect/mod.ts";
import { serveCollectorsBuffer } from "../lib/compose/buffer_thread.ts";
import type { Output, OutputType } from "../lib/core/mod.ts";
import { outputs } from "../lib/outputs/mod.ts";

/** Times faster; a machine that is busy for a second or two must not look as if it had hung. */
export const SPEED = 30;

/** Has the clock of this thread run fast. */
export function hasten(): void {
  const real = { now: performance.now.bind(performance), setTimeout: globalThis.setTimeout };
  Object.assign(performance, { now: () => real.now() * SPEED });
  Object.assign(globalThis, {
    setTimeout: (run: () => void, ms = 0) => real.setTimeout(run, ms / SPEED),
  });
}

let isHanging = false;
const never = new Promise<never>(() => {});

/** Replaces a method by one that never comes back once the signal has come. */
function hang<K extends string>(
  target: { [key in K]: (...args: never[]) => unknown },
  name: K,
): void {
  const method: (...args: never[]) => unknown = target[name];
  Object.assign(target, {
    [name](this: unknown, ...args: never[]) {
      return isHanging ? never : method.apply(this, args);
    },
  });
}

const HANGS: Readonly<Record<string, () => void>> = {
  append: () => hang(SqliteBuffer.prototype, "append"),
  supervisor: () => {
    const { check } = Supervisor.prototype;
    Supervisor.prototype.check = function (now) {
      if (!isHanging) check.call(this, now);
    };
  },
  delivery: () => {
    for (const type of outputs) {
      const create: OutputType["create"] = type.create;
      Object.assign(type, {
        create(...args: Parameters<OutputType["create"]>): Output {
          const output = create(...args);
          hang(output, "deliver");
          return output;
        },
      });
    }
  },
  loop: () =>
    Deno.addSignalListener("SIGUSR1", () => {
      for (;;);
    }),
};

/** What the thread of the buffer does when it is to append. */
const THREAD_HANGS: Readonly<Record<string, () => void>> = {
  thread_loop: () => {
    for (;;);
  },
  thread_death: () => {
    queueMicrotask(() => {
      throw new Error("out of luck");
    });
  },
};

/** Has something hang as soon as SIGUSR1 comes; nothing by any other name. */
export function hangOnSignal(what: string): void {
  HANGS[what]?.();
  Deno.addSignalListener("SIGUSR1", () => isHanging = true);
}

/** Serves the buffer of a collector, and hangs as soon as there is a file. */
export function serveHangingThread(what: string, file: string): void {
  const { append } = SqliteBuffer.prototype;
  SqliteBuffer.prototype.append = function (entries) {
    if (isThere(file)) THREAD_HANGS[what]?.();
    return append.call(this, entries);
  };
  serveCollectorsBuffer();
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
