import type { ReadLimit } from "../core/mod.ts";
import { type EntryBlock, fromBlock, toBlock, transferOf } from "./entry_block.ts";
import type { SqliteBuffer } from "./queue.ts";
import { recordError } from "./thread_errors.ts";
import { type Reply, type Request, SIGNAL } from "./thread_messages.ts";

/**
 * Serves a buffer to the thread that started this one, until it ends this one.
 *
 * @param open makes the buffer from the options that were sent
 */
export function serveBuffer<Options>(open: (options: Options) => SqliteBuffer): void {
  const post: (reply: Reply, handedOver: ArrayBuffer[]) => void = Reflect.get(
    globalThis,
    "postMessage",
  );
  const tell = (reply: Reply, handedOver: ArrayBuffer[] = []) => post(reply, handedOver);
  const underWay = new Map<number, AbortController>();
  let buffer: SqliteBuffer | undefined;

  function begin(options: Options): void {
    try {
      buffer = open(options);
      tell(surfaceOf(buffer, tell));
    } catch (error) {
      tell({ kind: "failed", error: recordError(error) });
    }
  }

  async function call(id: number, method: string | undefined, args: readonly unknown[]) {
    const abort = new AbortController();
    underWay.set(id, abort);
    try {
      const given = args.map((arg) => arg === SIGNAL ? abort.signal : arg);
      const called = buffer && Reflect.get(buffer, method ?? Symbol.asyncDispose);
      tell({ kind: "result", id, value: await Reflect.apply(called, buffer, given) });
    } catch (error) {
      tell({ kind: "error", id, error: recordError(error) });
    } finally {
      underWay.delete(id);
    }
  }

  /** They have waited for each other over there. */
  async function append(id: number, entries: EntryBlock) {
    try {
      const stored = buffer?.append(fromBlock(entries));
      buffer?.flush();
      await stored;
      tell({ kind: "result", id, value: undefined });
    } catch (error) {
      tell({ kind: "error", id, error: recordError(error) });
    }
  }

  async function read(id: number, output: string, limit: ReadLimit) {
    try {
      const entries = toBlock(await buffer?.read(output, limit) ?? []);
      tell({ kind: "entries", id, entries }, transferOf(entries));
    } catch (error) {
      tell({ kind: "error", id, error: recordError(error) });
    }
  }

  function hear(request: Request<Options>): void {
    switch (request.kind) {
      case "open":
        return begin(request.options);
      case "call":
        return void call(request.id, request.method, request.args);
      case "append":
        return void append(request.id, request.entries);
      case "read":
        return void read(request.id, request.output, request.limit);
      case "abort":
        return underWay.get(request.id)?.abort();
    }
  }

  addEventListener("message", (event) => {
    if (event instanceof MessageEvent) hear(event.data);
  });
  tell({ kind: "ready" });
}

/** What a buffer consists of; whatever it will be given in times to come is among it. */
function surfaceOf(buffer: SqliteBuffer, tell: (reply: Reply) => void): Reply {
  const values = new Map<string, unknown>();
  const [signals, methods]: [string[], string[]] = [[], []];
  const prototype: object = Object.getPrototypeOf(buffer);
  for (const name of [...Object.keys(buffer), ...Object.getOwnPropertyNames(prototype)]) {
    const part: unknown = Reflect.get(buffer, name);
    if (name === "constructor") continue;
    if (part instanceof AbortSignal) {
      signals.push(name);
      const abort = () => tell({ kind: "aborted", signal: name, error: recordError(part.reason) });
      part.addEventListener("abort", abort, { once: true });
    } else if (typeof part === "function") methods.push(name);
    else values.set(name, part);
  }
  return { kind: "opened", values, signals, methods };
}
