import { aborted, backoff, deadline, delay } from "../backoff.ts";
import {
  type Batch,
  type Buffer,
  type Entry,
  type FailureReason,
  failureReason,
  FencedError,
  messageOf,
  type NewEntry,
  type Output,
  type Recovery,
  RefusedError,
  TransportError,
} from "../core/mod.ts";
import type { Log } from "../log.ts";

/** What the delivery needs beside its output and the buffer. */
export interface DrainPorts {
  /** Makes the record of an event; `event` is a word for programs. */
  encodeEvent(event: string, text: string): NewEntry;
  /** Told of what became of readings: `delivered`, `recovered`, `rejected`. */
  observeReadings(output: string, result: string, count: number): void;
  /** Told of each batch that was delivered. */
  observeBatch(output: string, seconds: number): void;
  /** Told of each delivery that failed. */
  observeFailure(output: string, reason: FailureReason): void;
  /** Where its log lines go. */
  readonly log: Log;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
}

/** How much and how often. */
export interface DrainOptions {
  /** Longest wait when there is nothing to do. */
  readonly idleMs: number;
}

/**
 * Payload bytes a batch holds where its output does not mind: what each costs beside them should not
 * matter, nor its memory.
 */
const BATCH_BYTES = 3_600_000;
const BATCH_ROWS = 10_000;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** Whoever was fenced waits for minutes: two collectors of one id must not take turns. */
const FENCED_MS = { initialMs: 180_000, maxMs: 600_000 };

/**
 * Longest time for one batch, or the recovery before it. Brokers that swallow everything can keep a
 * client at it for ever; a new try is better than a wait.
 */
const STEP_MS = 120_000;

/** Carries the buffer's rows to one output, in order, each batch until it is there. */
export class Drain {
  /** Where it delivers to. */
  readonly output: Output;
  readonly #buffer: Buffer;
  readonly #options: DrainOptions;
  readonly #ports: DrainPorts;
  #position = 0;
  #isReady = false;
  #failures = 0;
  #lastError: unknown;
  #busySince: number | undefined;
  /** Events on their way into the buffer. */
  #telling: Promise<void> | undefined;

  /** Nothing happens before `run`. */
  constructor(output: Output, buffer: Buffer, options: DrainOptions, ports: DrainPorts) {
    this.output = output;
    this.#buffer = buffer;
    this.#options = options;
    this.#ports = ports;
  }

  /** The error that keeps the output from taking more; undefined while all is well. */
  get lastError(): unknown {
    return this.#failures > 0 ? this.#lastError : undefined;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** For how long it has been at the same batch; 0 while it waits. */
  get stuckMs(): number {
    return this.#busySince === undefined ? 0 : performance.now() - this.#busySince;
  }

  /**
   * Delivers until told to stop.
   *
   * @param stopping from then on it returns as soon as the buffer is empty; what waits for its next
   *   try has it at once, for the output may be back
   * @param stopped from then on it returns at once
   * @param leaving from then on it returns after the batch that it is at
   */
  async run(
    stopping: AbortSignal,
    stopped: AbortSignal,
    leaving: AbortSignal = stopped,
  ): Promise<void> {
    while (!stopped.aborted && !leaving.aborted) {
      this.#busySince = performance.now();
      try {
        const isEmpty = await this.#stepInTime(stopped);
        this.#busySince = undefined;
        this.#wentWell();
        if (isEmpty && stopping.aborted) return;
        if (isEmpty) await this.#idle(stopping, stopped, leaving);
      } catch (error) {
        this.#busySince = undefined;
        if (stopped.aborted) return;
        this.#failed(error);
        const isWoken = !stopping.aborted && !(error instanceof FencedError);
        const wakers = isWoken ? [stopped, leaving, stopping] : [stopped, leaving];
        using wait = deadline(this.#backoff(error), ...wakers);
        await aborted(wait.signal);
      }
    }
  }

  /**
   * Delivers until the buffer is empty.
   *
   * @param giveUpMs how long the output may go on failing
   * @throws the failure, once that time is over; at once when the output refuses us
   */
  async finish(giveUpMs: number, signal: AbortSignal): Promise<void> {
    let failingSince: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      try {
        if (await this.#stepInTime(signal)) return;
        this.#wentWell();
        failingSince = undefined;
      } catch (error) {
        signal.throwIfAborted();
        this.#failed(error);
        failingSince ??= performance.now();
        const left = failingSince + giveUpMs - performance.now();
        const wait = this.#backoff(error);
        if (error instanceof RefusedError || wait > left) throw error;
        await delay(wait, signal);
      }
    }
  }

  async #stepInTime(signal: AbortSignal): Promise<boolean> {
    using limit = deadline(STEP_MS, signal);
    try {
      return await this.#step(limit.signal);
    } catch (cause) {
      if (!limit.isOver) throw cause;
      throw new TransportError(`No end within ${STEP_MS / 1000} s`, "timeout", { cause });
    }
  }

  /** One batch, or the recovery before it; true when there was nothing to do. */
  async #step(signal: AbortSignal): Promise<boolean> {
    if (!this.#isReady) await this.#recover(signal);
    const { name, batchBytes: bytes = BATCH_BYTES } = this.output;
    const entries = await this.#buffer.read(name, { rows: BATCH_ROWS, bytes });
    const last = entries.at(-1);
    if (!last) {
      await this.output.settle(this.#position);
      if (!this.#telling) return true;
      await this.#telling;
      return false;
    }
    const startedAt = performance.now();
    const rejected = await this.output.deliver(await this.#batch(entries), signal);
    await this.#buffer.commit(name, last.position, rejected);
    this.#position = last.position;
    this.#ports.observeBatch(name, (performance.now() - startedAt) / 1000);
    this.#ports.observeReadings(name, "delivered", entries.length - rejected.length);
    for (const { position, reason } of rejected) {
      this.#ports.observeReadings(name, "rejected", 1);
      this.#ports.log("error", "a reading was rejected and set aside", {
        output: name,
        position,
        reason,
      });
    }
    await this.output.settle(this.#position);
    return false;
  }

  async #batch(entries: readonly Entry[]): Promise<Batch> {
    const schemas = new Map<string, string>();
    for (const { schema } of entries) {
      if (!schemas.has(schema)) schemas.set(schema, await this.#buffer.schemaText(schema));
    }
    // Another output's recovery may have begun a new epoch meanwhile.
    const { collector, epoch } = await this.#buffer.local(this.output.name);
    return { collector, epoch, topic: entries[0]?.topic ?? "", entries, schemas };
  }

  async #recover(signal: AbortSignal): Promise<void> {
    const { name } = this.output;
    const local = await this.#buffer.local(name);
    const recovery = await this.output.recover(local, signal);
    const position = Math.max(recovery.position, local.position);
    if (position > local.position || local.note !== null) {
      await this.#buffer.commit(name, position, recovery.rejected ?? []);
      this.#ports.observeReadings(name, "recovered", position - local.position);
    }
    if (recovery.newEpoch !== undefined) await this.#buffer.renewEpoch();
    this.#position = position;
    this.#isReady = true;
    this.#tell(recovery);
    this.#ports.log("debug", "output is ready", { output: name, position });
  }

  #tell({ newEpoch, event }: Recovery): void {
    const { name } = this.output;
    const told = [["epoch_changed", newEpoch], ["recovery", event]] as const;
    const events = told.flatMap(([word, text]) => {
      if (text === undefined) return [];
      this.#ports.log("warn", text, { output: name, event: word });
      return [this.#ports.encodeEvent(word, `${name}: ${text}`)];
    });
    if (events.length === 0) return;
    const telling = this.#keep(events).finally(() => {
      if (this.#telling === telling) this.#telling = undefined;
    });
    this.#telling = telling;
  }

  /** A full buffer may hold events back until rows have left it: to wait here would be for ever. */
  async #keep(events: readonly NewEntry[]): Promise<void> {
    try {
      await this.#buffer.append(events);
    } catch (error) {
      this.#ports.log("error", `events cannot be kept: ${messageOf(error)}`);
    }
  }

  async #idle(...signals: readonly AbortSignal[]): Promise<void> {
    using wait = deadline(this.#options.idleMs, ...signals);
    await this.#buffer.appended(this.#position, wait.signal);
  }

  /** Whoever was told of a failure is told of its end. */
  #wentWell(): void {
    if (this.#failures === 0) return;
    const { name } = this.output;
    this.#ports.log("info", "deliveries go well again", {
      output: name,
      tries: this.#failures + 1,
    });
    this.#failures = 0;
  }

  #failed(error: unknown): void {
    this.#isReady = false;
    this.#lastError = error;
    this.#ports.observeFailure(this.output.name, failureReason(error));
    const isNew = this.#failures === 0 || error instanceof FencedError;
    this.#ports.log(isNew ? "warn" : "debug", messageOf(error), {
      output: this.output.name,
      tries: this.#failures + 1,
    });
    this.#failures++;
  }

  #backoff(error: unknown): number {
    const { random } = this.#ports;
    if (error instanceof FencedError) return backoff(0, { ...FENCED_MS, random });
    const initialMs = error instanceof RefusedError ? LONGEST_BACKOFF_MS : FIRST_BACKOFF_MS;
    return backoff(this.#failures - 1, { initialMs, maxMs: LONGEST_BACKOFF_MS, random });
  }
}
