import type { KafkaConfig, logLevel as LogLevel, Producer } from "kafkajs";
import { type OutputLog, RefusedError } from "../../core/mod.ts";
import { brokerError, isDenied, withLostCause } from "./errors.ts";
import { rememberCoordinators } from "./coordinators.ts";
import { sendPackedRecords } from "./produce.ts";
import { boundsOf, type Cluster, READ_UNCOMMITTED, readSpan } from "./partition.ts";
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

/** How long a search for our own records goes on before it is continued with the next try. */
const SEARCH_MS = 30_000;

/** What became of a search for our own records. */
export type Search =
  | { readonly kind: "found" | "absent" | "unprovable" }
  /** Before `next` they are not. */
  | { readonly kind: "unfinished"; readonly next: number };

/** A topic as its brokers keep it. */
export interface TopicFacts {
  readonly partitions: number;
  /** The fewest that a partition has. */
  readonly replicas: number;
  /** undefined = we may not know. */
  readonly maxMessageBytes: number | undefined;
  /** undefined = we may not know. */
  readonly minInSyncReplicas: number | undefined;
}

type KafkaJs = typeof import("kafkajs");
type Kafka = InstanceType<KafkaJs["Kafka"]>;
type Admin = ReturnType<Kafka["admin"]>;

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
    addZstd(kafkajs, await import("node:zlib"));
    await mendRequestQueue();
    await rememberCoordinators();
    await sendPackedRecords();
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

  /** What is to be known of a topic before readings go there; undefined = it is not there. */
  async topicFacts(topic: string): Promise<TopicFacts | undefined> {
    return await this.#asAdmin(async (admin) => {
      const partitions = await partitionsOf(admin, topic);
      if (!partitions) return undefined;
      const limits = await topicLimits(admin, topic);
      const replicas = Math.min(...partitions.map(({ replicas }) => replicas.length));
      return { partitions: partitions.length, replicas, ...limits };
    });
  }

  /** Where the committed records of each partition end: at the first open transaction. */
  async committedEnds(topic: string): Promise<Map<number, number>> {
    const offsets = await this.#asAdmin((admin) => admin.fetchTopicOffsets(topic));
    return new Map(offsets.map(({ partition, high }) => [partition, Number(high)] as const));
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
   * @throws {RefusedError} the topic may not be read
   */
  async search(note: InFlight, collector: string, signal: AbortSignal): Promise<Search> {
    const { topic, partition, from, epoch, last } = note;
    const giveUpAt = performance.now() + SEARCH_MS;
    try {
      await using cluster = await this.cluster(topic);
      const bounds = await boundsOf(cluster, topic);
      const { low, to } = bounds.get(partition) ?? { low: 0, to: -1 };
      // Retention or a new topic took what would have proved it.
      if (low > from || to < from) return { kind: "unprovable" };
      for await (const { records, next } of readSpan(cluster, { ...note, to }, signal)) {
        const isThere = records.some(({ headers }) =>
          headers.collector === collector && headers.epoch === String(epoch) &&
          Number(headers.last) >= last
        );
        if (isThere) return { kind: "found" };
        if (next < to && performance.now() > giveUpAt) return { kind: "unfinished", next };
      }
      return { kind: "absent" };
    } catch (cause) {
      if (brokerError(cause) === "OFFSET_OUT_OF_RANGE") return { kind: "unprovable" };
      if (!isDenied(this.complete(cause))) throw cause;
      throw new RefusedError(
        `Cannot look for what had arrived at Kafka: grant READ on topic "${topic}"`,
        { cause },
      );
    }
  }

  /**
   * A connection that reads single partitions of a topic. What kafkajs offers for that reads in
   * consumer groups only, which need grants of their own and hold members that died for a while.
   */
  async cluster(topic: string): Promise<Cluster & AsyncDisposable> {
    const create = Object.getOwnPropertySymbols(this.#kafka)
      .find(({ description }) => description === "private:Kafka:createCluster");
    const cluster: Cluster = Reflect.get(this.#kafka, create ?? "")({
      metadataMaxAge: 300_000,
      allowAutoTopicCreation: false,
      isolationLevel: READ_UNCOMMITTED,
    });
    try {
      await cluster.connect();
      await cluster.addTargetTopic(topic);
    } catch (error) {
      await cluster.disconnect();
      throw error;
    }
    return Object.assign(cluster, { [Symbol.asyncDispose]: () => cluster.disconnect() });
  }

  async #asAdmin<T>(job: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#kafka.admin({ retry: RETRY });
    try {
      await admin.connect();
      return await job(admin);
    } finally {
      await admin.disconnect().catch(() => {});
    }
  }
}

/** The library knows zstd's name, but brings no codec for it. */
function addZstd(
  { CompressionCodecs, CompressionTypes }: KafkaJs,
  { zstdCompressSync, zstdDecompressSync }: typeof import("node:zlib"),
): void {
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

async function partitionsOf(admin: Admin, topic: string) {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions;
  } catch (error) {
    if (brokerError(error) === "UNKNOWN_TOPIC_OR_PARTITION") return undefined;
    throw error;
  }
}

/** The code of topics among the resources that have a configuration: Kafka protocol, DescribeConfigs. */
const TOPIC_RESOURCE = 2;

/** To read them takes a right of its own, which a collector need not have. */
async function topicLimits(
  admin: Admin,
  topic: string,
): Promise<Pick<TopicFacts, "maxMessageBytes" | "minInSyncReplicas">> {
  const configNames = ["max.message.bytes", "min.insync.replicas"];
  const wanted = { type: TOPIC_RESOURCE, name: topic, configNames };
  const described = await admin.describeConfigs({ includeSynonyms: false, resources: [wanted] })
    .catch((error) => {
      if (isDenied(error)) return undefined;
      throw error;
    });
  const entries = described?.resources[0]?.configEntries ?? [];
  const numberOf = (name: string) => {
    const entry = entries.find(({ configName }) => configName === name);
    return entry === undefined ? undefined : Number(entry.configValue);
  };
  return {
    maxMessageBytes: numberOf("max.message.bytes"),
    minInSyncReplicas: numberOf("min.insync.replicas"),
  };
}
