import { randomBytes } from "node:crypto";
import { encodeReading, gapReading, SCHEMA_FINGERPRINT } from "../../lib/avro/mod.ts";
import { type BufferOptions, SqliteBuffer } from "../../lib/buffer/mod.ts";
import type {
  Entry,
  Lookup,
  NewEntry,
  Output,
  OutputType,
  Recovery,
  Rejection,
} from "../../lib/core/mod.ts";
import { SCHEMAS } from "../avro/sample_batch.ts";
import { BARE } from "../avro/sample_readings.ts";

/**
 * A reading that says its name: the name of its source.
 *
 * @param ballast what it has beside, or how many bytes that do not compress
 */
export function named(
  text: string,
  schema: string = SCHEMA_FINGERPRINT,
  ballast: number | Uint8Array = 0,
): NewEntry {
  const payload = encodeReading({
    ...BARE,
    source: { ...BARE.source, name: text },
    registers: typeof ballast !== "number" ? ballast : ballast === 0 ? null : randomBytes(ballast),
  }).payload;
  return { schema, payload, createdAt: Date.now(), clockSynced: null };
}

/** How a buffer is opened here unless a test says otherwise. */
export function bufferOptions(path: string, collector: string, output: string): BufferOptions {
  return {
    path,
    role: "collect",
    topic: "readings",
    collector,
    outputs: [output],
    synchronous: "normal",
    commitIntervalMs: 0,
    maxBytes: 1024 ** 3,
    minFreeBytes: 0,
    whenFull: "drop_oldest",
    schemas: SCHEMAS,
    encodeGap: (owner, gap) => ({
      schema: SCHEMA_FINGERPRINT,
      payload: encodeReading(gapReading(owner, gap)).payload,
      createdAt: Math.floor(gap.to / 1000),
      clockSynced: null,
    }),
  };
}

/** What a delivery is between. */
export interface DeliveryOptions {
  readonly type: OutputType;
  readonly get: Lookup;
  readonly path: string;
  readonly collector: string;
  /** Readings in one container. */
  readonly batchSize?: number;
  readonly topic?: string;
}

/** No limit that matters. */
const ALL = { rows: 100_000, bytes: 1e9 };

/** A buffer and an output, each step of a drain taken by hand. */
export class Delivery implements AsyncDisposable {
  readonly #options: DeliveryOptions;
  readonly logged: (readonly [string, string])[] = [];
  buffer: SqliteBuffer;
  output: Output;
  #epoch = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    const { path, collector, type, topic } = options;
    this.output = this.#create();
    const bufferWith = bufferOptions(path, collector, type.name);
    this.buffer = new SqliteBuffer({ ...bufferWith, topic: topic ?? bufferWith.topic });
  }

  /** Stores readings with these names. */
  async append(...texts: readonly (string | NewEntry)[]): Promise<void> {
    const stored = this.buffer.append(
      texts.map((text) => typeof text === "string" ? named(text) : text),
    );
    this.buffer.flush();
    await stored;
  }

  /** Recovers as a drain does: the buffer is told, and a new epoch begun where one is due. */
  async recover(signal: AbortSignal = forever): Promise<Recovery> {
    const { name } = this.output;
    const local = await this.buffer.local(name);
    const recovery = await this.output.recover(local, signal);
    await this.buffer.commit(name, recovery.position, recovery.rejected ?? []);
    this.#epoch = recovery.newEpoch ? await this.buffer.renewEpoch() : local.epoch;
    return recovery;
  }

  /** Delivers the next rows, and leaves the buffer untold. */
  async deliver(rows = ALL.rows, signal: AbortSignal = forever): Promise<Delivered> {
    const { collector } = this.buffer;
    const entries = await this.buffer.read(this.output.name, { ...ALL, rows });
    const topic = entries[0]?.topic ?? "";
    const batch = { collector, epoch: this.#epoch, topic, entries, schemas: SCHEMAS };
    const rejections = await this.output.deliver(batch, signal);
    return { entries, rejections };
  }

  /** Tells the buffer, and then the output, as a drain does. */
  async commit({ entries, rejections }: Delivered): Promise<void> {
    const last = entries.at(-1)?.position ?? 0;
    await this.buffer.commit(this.output.name, last, rejections);
    await this.output.settle(last);
  }

  /** Whether there is anything to deliver. */
  async isBehind(): Promise<boolean> {
    return (await this.buffer.read(this.output.name, ALL)).length > 0;
  }

  /** Delivers and commits everything, so many rows at a time. */
  async deliverAll(rows = ALL.rows): Promise<void> {
    while (await this.isBehind()) {
      await this.commit(await this.deliver(rows));
    }
  }

  /** As the next start of the program finds things. */
  async restart(): Promise<void> {
    await this.output[Symbol.asyncDispose]();
    await this.buffer[Symbol.asyncDispose]();
    const { path, collector, type, topic } = this.#options;
    const options = bufferOptions(path, collector, type.name);
    this.buffer = new SqliteBuffer({ ...options, topic: topic ?? options.topic });
    this.output = this.#create();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.output[Symbol.asyncDispose]();
    await this.buffer[Symbol.asyncDispose]();
  }

  #create(): Output {
    const { type, get, collector, batchSize = 100 } = this.#options;
    return type.create(get, {
      collector,
      batchSize,
      note: (text) => this.buffer.note(type.name, text),
      log: (level, message) => this.logged.push([level, message]),
    });
  }
}

/** What was handed to an output, and what it will never take. */
export interface Delivered {
  readonly entries: readonly Entry[];
  readonly rejections: readonly Rejection[];
}

/** A signal that never aborts. */
export const forever: AbortSignal = new AbortController().signal;
