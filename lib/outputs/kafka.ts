import { Buffer } from "node:buffer";
import type { Producer } from "kafkajs";
import type { Codec } from "../avro/container.ts";
import { type Container, joinContainers } from "../avro/join.ts";
import {
  type Batch,
  type Entry,
  FencedError,
  type LocalPosition,
  type Lookup,
  type Output,
  type OutputContext,
  type OutputType,
  type Recovery,
  type Rejection,
  type Setting,
  type SettingNote,
  TransportError,
} from "../core/mod.ts";
import { readSecret } from "../secret.ts";
import { flag, integer, oneOf, secret, text, texts } from "../setting.ts";
import { type ClientOptions, KafkaClient } from "./kafka/client.ts";
import { explain, isTooLarge, type Target } from "./kafka/errors.ts";
import { type InFlight, judge, parseInFlight } from "./kafka/recovery.ts";
import { readTls } from "./kafka/tls.ts";

/** The keys of the `kafka` section. */
const settings = {
  brokers: texts(
    { key: "kafka.brokers", summary: "Brokers to ask first, as host:port" },
    [],
    { pattern: /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, meaning: "host:port" },
  ),
  topic: text(
    { key: "kafka.topic", summary: "Topic that readings go to" },
    "sunspec.telemetry",
    {
      pattern: /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
      meaning: "1–249 of the characters A–Z a–z 0–9 . _ - and not . or ..",
    },
  ),
  clientId: text(
    { key: "kafka.client_id", summary: "A label for the broker's logs; nothing derives from it" },
    "sunspec-collector",
  ),
  acks: oneOf(
    { key: "kafka.acks", summary: "all; 1 or 0 select at_least_once" },
    "all",
    ["all", "1", "0"],
  ),
  compression: oneOf(
    { key: "kafka.compression", summary: "Compression of record batches" },
    "zstd",
    ["none", "gzip", "zstd"],
  ),
  timeoutMs: integer(
    { key: "kafka.timeout_ms", summary: "How long to wait for a broker" },
    5000,
    { min: 100, max: 600_000 },
  ),
  enableIdempotence: flag(
    {
      key: "kafka.enable_idempotence",
      env: "SUNSPEC_KAFKA_IDEMPOTENCE",
      summary: "false selects at_least_once",
    },
    true,
  ),
  delivery: oneOf(
    { key: "kafka.delivery", summary: "exactly_once uses transactions; at_least_once needs none" },
    undefined,
    ["exactly_once", "at_least_once"],
  ),
  avroCodec: oneOf(
    { key: "kafka.avro_codec", summary: "Codec within the container files" },
    "null",
    ["null", "deflate", "zstandard"],
  ),
  tlsEnabled: flag(
    { key: "kafka.tls.enabled", summary: "Speak TLS; a CA or certificate file implies it" },
    false,
  ),
  tlsCaFile: text(
    { key: "kafka.tls.ca_file", summary: "Certificate authorities to trust (PEM)" },
    undefined,
  ),
  tlsCertFile: text(
    { key: "kafka.tls.cert_file", summary: "Our own certificate (PEM)" },
    undefined,
  ),
  tlsKeyFile: text({ key: "kafka.tls.key_file", summary: "Its private key (PEM)" }, undefined),
  saslMechanism: oneOf(
    { key: "kafka.sasl.mechanism", summary: "How to prove who we are" },
    undefined,
    ["plain", "scram-sha-256", "scram-sha-512"],
  ),
  saslUsername: text({ key: "kafka.sasl.username", summary: "User name" }, undefined),
  saslPasswordFile: text(
    { key: "kafka.sasl.password_file", summary: "File that holds the password" },
    undefined,
  ),
  saslPassword: secret({
    key: "kafka.sasl.password",
    env: "SUNSPEC_KAFKA_SASL_PASSWORD",
    summary: "The password itself; environment only",
  }),
} as const;

/** The topic that new readings are meant for. */
export const topic: Setting<string> = settings.topic;

/** Kafka, by transactions. */
export const kafka: OutputType = {
  name: "kafka",
  summary: "Container files as records of a Kafka topic, exactly once",
  settings: Object.values(settings),
  isDefault: (get) => get(settings.brokers).length > 0,
  check: contradictions,
  warnings: weakenings,
  create: (get, context) => new KafkaOutput(optionsOf(get), context),
};

type Delivery = "exactly_once" | "at_least_once";

function deliveryOf(get: Lookup): Delivery {
  const weak = get(settings.acks) !== "all" || !get(settings.enableIdempotence);
  return get(settings.delivery) ?? (weak ? "at_least_once" : "exactly_once");
}

/** Settings that select the weaker delivery without saying so. */
function weakenings(get: Lookup): readonly SettingNote[] {
  if (get(settings.delivery) !== undefined) return [];
  const text = 'selects kafka.delivery = "at_least_once": a reading may arrive twice; give ' +
    "kafka.delivery to confirm it";
  return [
    ...(get(settings.acks) === "all" ? [] : [{ key: "kafka.acks", text }]),
    ...(get(settings.enableIdempotence) ? [] : [{ key: "kafka.enable_idempotence", text }]),
  ];
}

function contradictions(get: Lookup): readonly SettingNote[] {
  const faults: SettingNote[] = [];
  const fault = (key: string, text: string) => faults.push({ key, text });
  if (get(settings.brokers).length === 0) {
    fault("kafka.brokers", "the output kafka needs brokers, as host:port");
  }
  if (get(settings.delivery) === "exactly_once") {
    if (get(settings.acks) !== "all") fault("kafka.acks", "exactly_once needs acks = all");
    if (!get(settings.enableIdempotence)) {
      fault("kafka.enable_idempotence", "exactly_once needs enable_idempotence = true");
    }
  }
  const [mechanism, user] = [get(settings.saslMechanism), get(settings.saslUsername)];
  if (mechanism !== undefined && user === undefined) {
    fault("kafka.sasl.username", `${mechanism} needs a user name`);
  }
  if (mechanism === undefined && user !== undefined) {
    fault("kafka.sasl.mechanism", "must be one of plain, scram-sha-256, scram-sha-512");
  }
  if ((get(settings.tlsCertFile) === undefined) !== (get(settings.tlsKeyFile) === undefined)) {
    fault("kafka.tls.cert_file", "a certificate and its key go together");
  }
  return faults;
}

interface KafkaOptions {
  readonly client: ClientOptions;
  readonly topic: string;
  readonly acks: number;
  readonly compression: number;
  readonly delivery: Delivery;
  readonly isIdempotent: boolean;
  readonly codec: Codec;
}

/** Codes of the record batch format, attributes bits 0–2. */
const COMPRESSION_CODES = { none: 0, gzip: 1, zstd: 4 } as const;
const ACKS_CODES = { all: -1, "1": 1, "0": 0 } as const;

function optionsOf(get: Lookup): KafkaOptions {
  const [ca, cert] = [get(settings.tlsCaFile), get(settings.tlsCertFile)];
  const isTls = get(settings.tlsEnabled) || ca !== undefined || cert !== undefined;
  const mechanism = get(settings.saslMechanism);
  return {
    client: {
      brokers: get(settings.brokers),
      clientId: get(settings.clientId),
      timeoutMs: get(settings.timeoutMs),
      tls: isTls ? readTls({ ca, cert, key: get(settings.tlsKeyFile) }) : undefined,
      sasl: mechanism && {
        mechanism,
        username: get(settings.saslUsername) ?? "",
        password: readSecret({
          value: get(settings.saslPassword),
          file: get(settings.saslPasswordFile),
          credential: "kafka_sasl_password",
        }) ?? "",
      },
    },
    topic: get(settings.topic),
    acks: ACKS_CODES[get(settings.acks)],
    compression: COMPRESSION_CODES[get(settings.compression)],
    delivery: deliveryOf(get),
    isIdempotent: get(settings.enableIdempotence) && get(settings.acks) === "all",
    codec: get(settings.avroCodec),
  };
}

/** What one transaction holds at most: brokers take record batches of 1 MiB by default. */
const TRANSACTION_BYTES = 1_000_000;
/** How long the broker waits for the end of a transaction before it aborts it. */
const TRANSACTION_TIMEOUT_MS = 60_000;

/** Where records of a topic go. */
interface Place {
  readonly partition: number;
  /** Our next record can only stand at or after this offset. */
  end: number;
}

/** A producer and where it writes. */
interface Connection {
  readonly producer: Producer;
  /** By topic: the buffer may still hold rows for an earlier one. */
  readonly places: Map<string, Place>;
}

/**
 * Readings and the position they end at go in one transaction: the records to the topic, the
 * position to our consumer group. After any error a new producer fences the old one, settles what
 * was pending, and reads the position back.
 */
class KafkaOutput implements Output {
  readonly name = kafka.name;
  readonly #options: KafkaOptions;
  readonly #context: OutputContext;
  readonly #groupId: string;
  readonly #tooLarge = new Set<number>();
  #client: KafkaClient | undefined;
  #connection: Connection | undefined;
  #incarnation = "";
  #limit = TRANSACTION_BYTES;

  constructor(options: KafkaOptions, context: OutputContext) {
    this.#options = options;
    this.#context = context;
    this.#groupId = `sunspool-${context.collector}`;
  }

  async recover(local: LocalPosition, signal: AbortSignal): Promise<Recovery> {
    return await this.#explained(signal, async () => {
      await this.#disconnect();
      this.#incarnation = local.incarnation;
      this.#client ??= await KafkaClient.create(this.#options.client, this.#context.log);
      const producer = this.#client.producer({
        transactionalId: this.#isTransactional ? this.#groupId : undefined,
        transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
        isIdempotent: this.#options.isIdempotent,
      });
      this.#connection = { producer, places: new Map() };
      await producer.connect();
      if (this.#isTransactional) await (await producer.transaction()).abort();
      await this.#placeOf(this.#options.topic);
      if (!this.#isTransactional) return nothingNew(local.position);
      return await this.#settlePending(this.#client, local, signal);
    });
  }

  async deliver(batch: Batch, signal: AbortSignal): Promise<readonly Rejection[]> {
    const rejections: Rejection[] = [];
    const sendable: Entry[] = [];
    for (const entry of batch.entries) {
      const { position } = entry;
      if (this.#tooLarge.has(position)) rejections.push({ position, reason: "message_too_large" });
      else sendable.push(entry);
    }
    const { batchSize } = this.#context;
    let after = (batch.entries[0]?.position ?? 1) - 1;
    for (const part of this.#parts(sendable, batch.schemas)) {
      const containers = joinContainers(
        { ...batch, entries: part },
        batchSize,
        this.#options.codec,
      );
      await this.#explained(signal, () => this.#send(batch, containers, after), part);
      after = part.at(-1)?.position ?? after;
    }
    return rejections;
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
  }

  get #target(): Target {
    const { client, topic } = this.#options;
    return { brokers: client.brokers.join(","), topic };
  }

  get #isTransactional(): boolean {
    return this.#options.delivery === "exactly_once";
  }

  /** Finds out what became of the last transaction. */
  async #settlePending(
    client: KafkaClient,
    local: LocalPosition,
    signal: AbortSignal,
  ): Promise<Recovery> {
    const offsets = await client.groupOffsets(this.#groupId);
    const verdict = judge(local, offsets, this.#options.topic);
    if (verdict.kind === "delivered") return nothingNew(verdict.position);
    if (verdict.kind === "foreign") {
      return {
        position: local.position,
        newEpoch: `another buffer file delivered last as this collector (position ` +
          `${verdict.offset.position}): this one was replaced, restored or cloned; its positions ` +
          "count as new from here, nothing is dropped",
        event: undefined,
      };
    }
    const note = parseInFlight(local.note);
    if (!note) return nothingNew(local.position);
    const found = await client.hasDelivered(note, local.collector, this.#groupId, signal);
    if (found === true) return nothingNew(note.last);
    // What was sent before it in the same batch is there, though the buffer has not been told.
    const position = Math.max(note.after, local.position);
    if (found === false) return nothingNew(position);
    return {
      position,
      newEpoch: undefined,
      event: `positions ${position + 1}–${note.last} are sent again: the broker forgot our ` +
        "position and the topic no longer shows whether they had arrived",
    };
  }

  /** Splits entries so that each part's payloads stay within the limit of a transaction. */
  #parts(entries: readonly Entry[], schemas: ReadonlyMap<string, string>): Entry[][] {
    const parts: Entry[][] = [];
    let size = 0;
    for (const entry of entries) {
      const headerLength = (schemas.get(entry.schema)?.length ?? 0) + CONTAINER_BYTES;
      const own = entry.payload.length + PREFIX_BYTES + headerLength / this.#context.batchSize;
      const part = parts.at(-1);
      if (part && size + own <= this.#limit) {
        part.push(entry);
        size += own;
      } else {
        parts.push([entry]);
        size = own;
      }
    }
    return parts;
  }

  async #send(batch: Batch, containers: readonly Container[], after: number): Promise<void> {
    const { topic, epoch } = batch;
    const last = containers.at(-1)?.last;
    const { producer } = this.#connected;
    if (last === undefined) return;
    const place = await this.#placeOf(topic);
    const record = this.#record(batch, containers, place.partition);
    if (!this.#isTransactional) {
      await producer.send(record);
      return;
    }
    const note: InFlight = {
      topic,
      partition: place.partition,
      epoch,
      after,
      last,
      from: place.end,
    };
    await this.#context.note(JSON.stringify(note));
    const transaction = await producer.transaction();
    const sent = await transaction.send(record);
    const base = Number(sent[0]?.baseOffset ?? -1);
    if (base >= 0) place.end = base + record.messages.length;
    const offset = { partition: 0, offset: String(last), ...{ metadata: this.#incarnation } };
    await transaction.sendOffsets({
      consumerGroupId: this.#groupId,
      topics: [{ topic, partitions: [offset] }],
    });
    await transaction.commit();
  }

  /** Where records of a topic go: found out once for each connection. */
  async #placeOf(topic: string): Promise<Place> {
    const { producer, places } = this.#connected;
    const known = places.get(topic);
    if (known) return known;
    // Sends nothing, but has the broker make the topic where it is allowed to.
    await producer.send({ topic, messages: [] });
    const place = await this.#client?.locate(topic, this.#context.collector);
    if (!place) throw new Error("Not connected");
    places.set(topic, place);
    return place;
  }

  get #connected(): Connection {
    if (!this.#connection) throw new Error("Not connected");
    return this.#connection;
  }

  #record(batch: Batch, containers: readonly Container[], partition: number) {
    const { acks, compression, client } = this.#options;
    return {
      topic: batch.topic,
      acks,
      compression,
      timeout: client.timeoutMs,
      messages: containers.map(({ first, last, count, schema, bytes }) => ({
        key: batch.collector,
        value: asBuffer(bytes),
        partition,
        headers: {
          collector: batch.collector,
          epoch: String(batch.epoch),
          first: String(first),
          last: String(last),
          count: String(count),
          schema,
        },
      })),
    };
  }

  /** Runs a job against the broker; any failure is told in our terms. */
  async #explained<T>(
    signal: AbortSignal,
    job: () => Promise<T>,
    part: readonly Entry[] = [],
  ): Promise<T> {
    const startedAt = performance.now();
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(new TransportError("Stopped", "closed"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await Promise.race([job(), stopped.promise]);
    } catch (error) {
      if (isTooLarge(error)) this.#shrink(part);
      const told = explain(this.#client?.complete(error) ?? error, this.#target);
      // A transaction that took too long is aborted by the broker in the same words.
      const isOverdue = performance.now() - startedAt > TRANSACTION_TIMEOUT_MS / 2;
      if (told instanceof FencedError && isOverdue) {
        throw new TransportError("The transaction took too long", "timeout", { cause: error });
      }
      throw told;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** The broker takes less at once than we thought; a reading too large alone is set aside. */
  #shrink(part: readonly Entry[]): void {
    const [only] = part;
    const size = part.reduce((sum, { payload }) => sum + payload.length, 0);
    if (part.length === 1 && only) this.#tooLarge.add(only.position);
    else this.#limit = Math.max(Math.floor(Math.min(this.#limit, size) / 2), 1);
  }

  async #disconnect(): Promise<void> {
    const producer = this.#connection?.producer;
    this.#connection = undefined;
    await producer?.disconnect().catch(() => {});
  }
}

/** Collector, epoch and position before each reading, generously. */
const PREFIX_BYTES = 128;
/** A container's metadata beside the schema, its record's headers, generously. */
const CONTAINER_BYTES = 512;

function nothingNew(position: number): Recovery {
  return { position, newEpoch: undefined, event: undefined };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
