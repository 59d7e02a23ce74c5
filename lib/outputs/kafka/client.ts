import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type {
  Consumer,
  KafkaConfig,
  logLevel as LogLevel,
  Producer,
  TopicPartitionOffset,
} from "kafkajs";
import { type OutputLog, RefusedError } from "../../core/mod.ts";
import { isDenied, withLostCause } from "./errors.ts";
import type { GroupOffset, InFlight } from "./recovery.ts";
import { mendRequestQueue } from "./request_queue.ts";
import type { Tls } from "./tls.ts";

/** How to reach the brokers. */
export interface ClientOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly timeoutMs: number;
  readonly tls: Tls | undefined;
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
  #lastFailure: string | undefined;

  private constructor(kafkajs: KafkaJs, config: KafkaConfig, log: OutputLog) {
    this.#kafka = new kafkajs.Kafka({
      ...config,
      logCreator: () => (entry) => {
        if (typeof entry.log.error === "string") this.#lastFailure = entry.log.error;
        route(log, kafkajs.logLevel, entry);
      },
    });
    this.#partitioner = kafkajs.Partitioners.DefaultPartitioner();
  }

  /** Makes a client; nothing is connected yet. */
  static async create(options: ClientOptions, log: OutputLog): Promise<KafkaClient> {
    const { default: kafkajs } = await import("kafkajs");
    addZstd(kafkajs);
    await mendRequestQueue();
    const config: KafkaConfig = {
      clientId: options.clientId,
      brokers: [...options.brokers],
      connectionTimeout: options.timeoutMs,
      authenticationTimeout: options.timeoutMs,
      requestTimeout: options.timeoutMs,
      enforceRequestTimeout: true,
      retry: RETRY,
    };
    // Said outright: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would turn the check off.
    if (options.tls) config.ssl = { ...options.tls, rejectUnauthorized: true };
    if (options.sasl) config.sasl = saslOf(options.sasl);
    return new KafkaClient(kafkajs, config, log);
  }

  /** An error of this client's or its producers', with the cause that kafkajs lost. */
  complete(error: unknown): unknown {
    return withLostCause(error, this.#lastFailure);
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
    const searchGroup = `${groupId}-recovery`;
    const consumer = this.#kafka.consumer({ groupId: searchGroup, retry: RETRY });
    const found = Promise.withResolvers<boolean | undefined>();
    found.promise.catch(() => {});
    const timer = setTimeout(() => found.resolve(undefined), SEARCH_MS);
    const stop = () => found.resolve(undefined);
    signal.addEventListener("abort", stop, { once: true });
    try {
      // Control records and aborted ones count as offsets too, but only this is told of them.
      consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
        const isEnd = payload.partition === partition && Number(payload.lastOffset) + 1 >= end;
        if (isEnd) found.resolve(false);
      });
      consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
        if (!restart || isDenied(error)) found.reject(error);
      });
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
          return Promise.resolve();
        },
      });
      seekIfRunning(consumer, { topic, partition, offset: String(from) });
      return await found.promise;
    } catch (cause) {
      if (!isDenied(this.complete(cause))) throw cause;
      const grants = `READ on topic "${topic}" and on group "${searchGroup}"`;
      throw new RefusedError(`Cannot look for what had arrived at Kafka: grant ${grants}`, {
        cause,
      });
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

/** One that crashed while it started cannot be told: it begins at the beginning, or not at all. */
function seekIfRunning(consumer: Consumer, offset: TopicPartitionOffset): void {
  try {
    consumer.seek(offset);
  } catch (error) {
    if (!(error instanceof Error && /was not initialized/.test(error.message))) throw error;
  }
}

/** The library knows zstd's name, but brings no codec for it. */
function addZstd({ CompressionCodecs, CompressionTypes }: KafkaJs): void {
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { buffer: Uint8Array }) => Promise.resolve(zstdCompressSync(buffer)),
    decompress: (data: Uint8Array) => Promise.resolve(zstdDecompressSync(data)),
  });
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
