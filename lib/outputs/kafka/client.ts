import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { KafkaConfig, logLevel as LogLevel, Producer } from "kafkajs";
import { ConfigError, messageOf, type OutputLog } from "../../core/mod.ts";
import type { GroupOffset, InFlight } from "./recovery.ts";

/** How to reach the brokers. */
export interface ClientOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly timeoutMs: number;
  readonly tls: {
    readonly caFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
  } | undefined;
  readonly sasl: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  } | undefined;
}

/** kafkajs tries again at once and for a second or so; longer outages are the delivery's business. */
const RETRY = { initialRetryTime: 2, multiplier: 2, maxRetryTime: 400, retries: 9 };

/** How long a search for our own records may take. */
const SEARCH_MS = 30_000;

type KafkaJs = typeof import("kafkajs");
type Kafka = InstanceType<KafkaJs["Kafka"]>;

/** The Kafka client, loaded when it is first needed. */
export class KafkaClient {
  readonly #kafka: Kafka;
  readonly #partitioner: ReturnType<KafkaJs["Partitioners"]["DefaultPartitioner"]>;

  private constructor(kafka: Kafka, kafkajs: KafkaJs) {
    this.#kafka = kafka;
    this.#partitioner = kafkajs.Partitioners.DefaultPartitioner();
  }

  /**
   * Makes a client; nothing is connected yet.
   *
   * @throws {ConfigError} a certificate file cannot be read
   */
  static async create(options: ClientOptions, log: OutputLog): Promise<KafkaClient> {
    const { default: kafkajs } = await import("kafkajs");
    addZstd(kafkajs);
    await tameIdleTimer();
    const config: KafkaConfig = {
      clientId: options.clientId,
      brokers: [...options.brokers],
      connectionTimeout: options.timeoutMs,
      authenticationTimeout: options.timeoutMs,
      requestTimeout: options.timeoutMs,
      enforceRequestTimeout: true,
      retry: RETRY,
      logCreator: () => (entry) => route(log, kafkajs.logLevel, entry),
    };
    if (options.tls) config.ssl = readTls(options.tls);
    if (options.sasl) config.sasl = saslOf(options.sasl);
    return new KafkaClient(new kafkajs.Kafka(config), kafkajs);
  }

  /** A producer that is not connected yet. */
  producer(options: {
    readonly transactionalId: string | undefined;
    readonly transactionTimeoutMs: number;
    readonly isIdempotent: boolean;
  }): Producer {
    const { transactionalId, transactionTimeoutMs, isIdempotent } = options;
    return this.#kafka.producer({
      ...(transactionalId === undefined ? { idempotent: isIdempotent } : { transactionalId }),
      transactionTimeout: transactionTimeoutMs,
      maxInFlightRequests: 1,
      // The partition is chosen here, once for each recovery.
      createPartitioner: () => ({ message }) => message.partition ?? 0,
      retry: RETRY,
    });
  }

  /** The partition that a key belongs to, and that partition's end offset. */
  async locate(topic: string, key: string): Promise<{ partition: number; end: number }> {
    return await this.#asAdmin(async (admin) => {
      const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitionMetadata = metadata.topics[0]?.partitions ?? [];
      const message = { key, value: null };
      const partition = this.#partitioner({ topic, partitionMetadata, message });
      const offsets = await admin.fetchTopicOffsets(topic);
      const end = Number(offsets.find((offset) => offset.partition === partition)?.high ?? 0);
      return { partition, end };
    });
  }

  /** The positions that the group keeps for us. */
  async groupOffsets(groupId: string): Promise<GroupOffset[]> {
    const topics = await this.#asAdmin((admin) => admin.fetchOffsets({ groupId }));
    return topics.flatMap(({ topic, partitions }) =>
      partitions.filter(({ partition, offset }) => partition === 0 && Number(offset) >= 0)
        .map(({ offset, metadata }) => ({
          topic,
          position: Number(offset),
          incarnation: metadata ?? "",
        }))
    );
  }

  /**
   * Looks for the records of a transaction whose outcome nobody told us.
   *
   * @returns whether they are there; undefined = it cannot be said
   */
  async hasDelivered(
    note: InFlight,
    collector: string,
    groupId: string,
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    const bounds = await this.#asAdmin((admin) => admin.fetchTopicOffsets(note.topic));
    const partition = bounds.find((offset) => offset.partition === note.partition);
    // Retention or a new topic took what would have proved it.
    if (!partition || Number(partition.low) > note.from || Number(partition.high) < note.from) {
      return undefined;
    }
    if (Number(partition.high) === note.from) return false;
    return await this.#search(note, collector, groupId, Number(partition.high), signal);
  }

  async #search(
    { topic, partition, epoch, last, from }: InFlight,
    collector: string,
    groupId: string,
    end: number,
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    const consumer = this.#kafka.consumer({ groupId: `${groupId}-recovery`, retry: RETRY });
    const found = Promise.withResolvers<boolean | undefined>();
    const timer = setTimeout(() => found.resolve(undefined), SEARCH_MS);
    const stop = () => found.resolve(undefined);
    signal.addEventListener("abort", stop, { once: true });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatch: ({ batch, resolveOffset }) => {
          if (batch.partition !== partition) return Promise.resolve();
          for (const { headers, offset } of batch.messages) {
            const text = (name: string) => String(headers?.[name] ?? "");
            const isOurs = text("collector") === collector && text("epoch") === String(epoch);
            if (isOurs && Number(text("last")) >= last) found.resolve(true);
            resolveOffset(offset);
          }
          // Control records count as offsets too: the end may lie behind the last message.
          if (Number(batch.lastOffset()) + 1 >= end) found.resolve(false);
          return Promise.resolve();
        },
      });
      consumer.seek({ topic, partition, offset: String(from) });
      return await found.promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      await consumer.disconnect();
    }
  }

  async #asAdmin<T>(job: (admin: ReturnType<Kafka["admin"]>) => Promise<T>): Promise<T> {
    const admin = this.#kafka.admin({ retry: RETRY });
    try {
      await admin.connect();
      return await job(admin);
    } finally {
      await admin.disconnect().catch(() => {});
    }
  }
}

/** What the library's queue of requests looks like, as far as it is mended here. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
  checkPendingRequests(): void;
}

/** How often a full queue is looked at, as in the library. */
const QUEUE_CHECK_MS = 10;

/**
 * kafkajs 2.2.4 sets a timer of 1 ms again and again on every idle connection (its issue 1704),
 * with a negative time at first. A queue with nothing in it needs no timer.
 */
async function tameIdleTimer(): Promise<void> {
  const { default: queue } = await import("kafkajs/request-queue");
  queue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
    const wait = Math.max(this.throttledUntil - Date.now(), QUEUE_CHECK_MS);
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, wait);
  };
}

/** The library knows zstd's name, but brings no codec for it. */
function addZstd({ CompressionCodecs, CompressionTypes }: KafkaJs): void {
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { buffer: Uint8Array }) => Promise.resolve(zstdCompressSync(buffer)),
    decompress: (data: Uint8Array) => Promise.resolve(zstdDecompressSync(data)),
  });
}

function readTls({ caFile, certFile, keyFile }: NonNullable<ClientOptions["tls"]>) {
  const read = (file: string | undefined) => {
    if (file === undefined) return undefined;
    try {
      return Deno.readTextFileSync(file);
    } catch (cause) {
      throw new ConfigError(`Cannot read "${file}": ${messageOf(cause)}`, { cause });
    }
  };
  const [ca, cert, key] = [read(caFile), read(certFile), read(keyFile)];
  return {
    ...(ca === undefined ? {} : { ca: [ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function saslOf({ mechanism, username, password }: NonNullable<ClientOptions["sasl"]>) {
  switch (mechanism) {
    case "plain":
      return { mechanism, username, password };
    case "scram-sha-256":
      return { mechanism, username, password };
    case "scram-sha-512":
      return { mechanism, username, password };
  }
}

/** What kafkajs calls an error is often the beginning of a retry: our own log says when one matters. */
function route(
  log: OutputLog,
  levels: typeof LogLevel,
  { level, log: entry }: { level: LogLevel; log: { message: string } },
): void {
  if (level > levels.INFO) return;
  log("debug", `kafkajs: ${entry.message}`);
}
