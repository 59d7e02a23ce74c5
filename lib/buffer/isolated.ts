import type { NewEntry, ReadLimit } from "../core/mod.ts";
import { BUFFER_THREAD } from "../thread.ts";
import { fromBlock, toBlock, transferOf } from "./entry_block.ts";
import { Gatherer } from "./gatherer.ts";
import type { SqliteBuffer } from "./queue.ts";
import { reviveError } from "./thread_errors.ts";
import { type Reply, type Request, SIGNAL } from "./thread_messages.ts";

/** Everything that a buffer offers, wherever it runs. */
export type BufferHandle = { readonly [Name in keyof SqliteBuffer]: SqliteBuffer[Name] };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Opens a buffer in a thread of its own, so that storage that stalls stops nothing else. Its methods
 * answer when the thread has. Closing it ends the thread; a thread that ends otherwise breaks it.
 *
 * @param module what the thread runs; it calls `serveBuffer` when it is so named
 * @param options as that one understands them; copied
 * @throws what opening threw there
 */
export async function openIsolated(module: string, options: unknown): Promise<BufferHandle> {
  const thread = new BufferThread(module);
  try {
    return await thread.open(options);
  } catch (error) {
    thread.end();
    throw error;
  }
}

/** Calls methods over there. Which ones there are is what the buffer says when it is opened. */
class BufferThread {
  readonly #worker: Worker;
  readonly #opening = Promise.withResolvers<BufferHandle>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #signals = new Map<string, AbortController>();
  #lastId = 0;
  #options: unknown;
  #death: Error | undefined;

  constructor(module: string) {
    this.#worker = new Worker(module, { type: "module", name: BUFFER_THREAD });
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#die(new Error(`The thread of the buffer failed: ${event.message}`));
    };
    this.#worker.onmessageerror = () =>
      this.#die(new Error("The thread of the buffer said what cannot be understood"));
  }

  open(options: unknown): Promise<BufferHandle> {
    this.#options = options;
    return this.#opening.promise;
  }

  end(): void {
    this.#worker.terminate();
  }

  #tell(request: Request, handedOver: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, handedOver);
  }

  #hear(reply: Reply): void {
    switch (reply.kind) {
      case "ready":
        return this.#tell({ kind: "open", options: this.#options });
      case "opened":
        return this.#opening.resolve(this.#handle(reply));
      case "failed":
        return this.#opening.reject(reviveError(reply.error));
      case "result":
        return this.#take(reply.id)?.resolve(reply.value);
      case "entries":
        return this.#take(reply.id)?.resolve(fromBlock(reply.entries));
      case "error":
        return this.#take(reply.id)?.reject(reviveError(reply.error));
      case "aborted":
        return this.#signals.get(reply.signal)?.abort(reviveError(reply.error));
    }
  }

  #handle({ values, signals, methods }: Reply & { kind: "opened" }): BufferHandle {
    const mirrored = signals.map((name): [string, AbortSignal] => {
      const controller = new AbortController();
      this.#signals.set(name, controller);
      return [name, controller.signal];
    });
    const calls = methods.map((name) =>
      [name, (...args: readonly unknown[]) => this.#call(name, args)] as const
    );
    const gatherer = new Gatherer(
      Number(values.get("commitIntervalMs")),
      (entries) => this.#append(entries),
    );
    const parts: readonly (readonly unknown[])[] = [
      ...values,
      ...mirrored,
      ...calls,
      ...this.#ownCalls(gatherer),
    ];
    return Object.fromEntries(parts);
  }

  /** What is done here, or otherwise than by a plain call. */
  #ownCalls(gatherer: Gatherer): readonly (readonly unknown[])[] {
    const close = async () => {
      gatherer.flush();
      if (!this.#death) await this.#call(undefined, []);
      this.end();
    };
    return [
      ["append", (entries: readonly NewEntry[]) => gatherer.append(entries)],
      ...["flush", "unblock"].map((name) => [name, () => {
        gatherer.flush();
        this.#call(name, []);
      }]),
      [
        "read",
        (output: string, limit: ReadLimit) =>
          this.#ask((id) => this.#tell({ kind: "read", id, output, limit })),
      ],
      [Symbol.asyncDispose, close],
    ];
  }

  async #append(entries: readonly NewEntry[]): Promise<void> {
    const block = toBlock(entries);
    await this.#ask((id) => this.#tell({ kind: "append", id, entries: block }, transferOf(block)));
  }

  /** Sends a request; resolves with its answer. */
  #ask(send: (id: number) => void): Promise<unknown> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    // Nobody waits for what a method gives that gives nothing.
    promise.catch(() => {});
    if (this.#death) reject(this.#death);
    else {
      this.#waiting.set(id, { resolve, reject });
      send(id);
    }
    return promise;
  }

  #call(method: string | undefined, args: readonly unknown[]): Promise<unknown> {
    const signals = args.filter((arg) => arg instanceof AbortSignal);
    let callId = 0;
    const abort = () => this.#tell({ kind: "abort", id: callId });
    const answer = this.#ask((id) => {
      callId = id;
      const sent = args.map((arg) => arg instanceof AbortSignal ? SIGNAL : arg);
      this.#tell({ kind: "call", id, method, args: sent });
      for (const signal of signals) {
        if (signal.aborted) abort();
        else signal.addEventListener("abort", abort, { once: true });
      }
    });
    if (signals.length === 0) return answer;
    const settled = answer.finally(() => {
      for (const signal of signals) signal.removeEventListener("abort", abort);
    });
    settled.catch(() => {});
    return settled;
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #die(error: Error): void {
    if (this.#death) return;
    this.#death = error;
    this.#opening.reject(error);
    for (const signal of this.#signals.values()) signal.abort(error);
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(error);
    this.end();
  }
}
