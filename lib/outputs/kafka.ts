import type { Producer } from "kafkajs";
import { deadline } from "../backoff.ts";
import {
  type Batch,
  type Entry,
  FencedError,
  type LocalPosition,
  type Output,
  type OutputContext,
  type OutputType,
  type Recovery,
  RefusedError,
  type Rejection,
  TransportError,
} from "../core/mod.ts";
import { KafkaClient } from "./kafka/client.ts";
import {
  explain,
  explainFenced,
  isTooLarge,
  type Target,
  TRANSACTION_TIMEOUT_MS,
} from "./kafka/errors.ts";
import {
  type Fenced,
  leftToWait,
  parseFenced,
  seen,
  stillFenced,
  takenBack,
} from "./kafka/fenced.ts";
import { packEntries, splitEntries } from "./kafka/parts.ts";
import { standIns } from "./kafka/produce.ts";
import type { PackedRecords } from "./kafka/record_batch.ts";
import { type GroupOffset, type InFlight, judge, parseInFlight } from "./kafka/recovery.ts";
import {
  contradictions,
  hasBrokers,
  type KafkaOptions,
  kafkaSettings,
  optionsOf,
  topic,
  weakenings,
} from "./kafka/settings.ts";

export { topic };

/** Kafka, by transactions. */
export const kafka: OutputType = {
  name: "kafka",
  summary: "Container files as records of a Kafka topic, exactly once",
  settings: kafkaSettings,
  isDefault: hasBrokers,
  check: contradictions,
  warnings: weakenings,
  examine: async function* (get, signal) {
    const { client, topic } = optionsOf(get);
    const { examineKafka } = await import("./kafka/examine.ts");
    yield* examineKafka(client, topic, signal);
  },
  create: (get, context) => new KafkaOutput(optionsOf(get), context),
};

/** How long closing waits for what was given up. */
const CLOSE_MS = 1000;
/** Brokers take record batches of 1 MiB by default. */
const RECORD_BATCH_BYTES = 1_000_000;
/** Payload that goes into one, with all that is added to it. */
const PAYLOAD_BYTES = 900_000;
/** Record batches share a transaction when that is no more on its way … */
const TRANSACTION_BYTES = 1024 * 1024;
/** … one that was over by then may be followed by one with so many times its record batches … */
const QUICK_MS = 5000;
const GROWTH = 4;
/** … up to so many: with more a backlog leaves no faster. */
const MOST_TOGETHER = 8;

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
  #note: InFlight | undefined;
  #running: Promise<unknown> | undefined;
  #client: KafkaClient | undefined;
  #connection: Connection | undefined;
  #incarnation = "";
  #limit = RECORD_BATCH_BYTES;
  /** Record batches that share a transaction. */
  #together = 1;
  /** What the last transaction had on its way, by its payload. */
  #share = 1;
  /** The record batch that is on its way. */
  #sending: readonly Entry[] = [];

  constructor(options: KafkaOptions, context: OutputContext) {
    this.#options = options;
    this.#context = context;
    this.#groupId = `sunspool-${context.collector}`;
  }

  get batchBytes(): number {
    // Without transactions nobody knows which part of a batch had arrived: all of it goes again.
    return PAYLOAD_BYTES * (this.#isTransactional ? this.#together : 1);
  }

  async recover(local: LocalPosition, signal: AbortSignal): Promise<Recovery> {
    return await this.#explained(signal, async () => {
      await this.#disconnect();
      this.#together = 1;
      this.#incarnation = local.incarnation;
      this.#note = parseInFlight(local.note);
      this.#client ??= await KafkaClient.create(this.#options.client, this.#context.log);
      const fenced = this.#isTransactional ? await this.#standBack(this.#client, local) : undefined;
      // What was given up meanwhile must not get into the way of what came after it.
      signal.throwIfAborted();
      const producer = this.#client.producer({
        transactionalId: this.#isTransactional ? this.#groupId : undefined,
        transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
        isIdempotent: this.#options.isIdempotent,
      });
      this.#connection = { producer, places: new Map() };
      await producer.connect();
      signal.throwIfAborted();
      if (this.#isTransactional) await (await producer.transaction()).abort();
      const place = this.#placeOf(this.#options.topic);
      if (!this.#isTransactional) {
        await place;
        return nothingNew(local.position);
      }
      const [offsets] = await Promise.all([this.#client.groupOffsets(this.#groupId), place]);
      const recovery = await this.#settlePending(this.#client, local, offsets, signal);
      return fenced ? withEvent(recovery, takenBack(fenced)) : recovery;
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
    let after = (batch.entries[0]?.position ?? 1) - 1;
    const { batchSize } = this.#context;
    const parts = splitEntries({ ...batch, entries: sendable }, batchSize, this.#limit);
    while (parts.length > 0) {
      const together = parts.splice(0, this.#together);
      const startedAt = performance.now();
      await this.#explained(
        signal,
        () => this.#send(batch, together, { after, rejections, signal }),
      );
      this.#together = this.#next(together.length, performance.now() - startedAt);
      after = together.at(-1)?.at(-1)?.position ?? after;
    }
    return rejections;
  }

  /** How many record batches the next transaction may hold. */
  #next(before: number, elapsedMs: number): number {
    if (elapsedMs >= QUICK_MS) return 1;
    const whole = Math.min(PAYLOAD_BYTES, this.#limit) * this.#share;
    const fitting = Math.max(Math.floor(TRANSACTION_BYTES / whole), 1);
    return Math.min(Math.max(this.#together, before * GROWTH), fitting, MOST_TOGETHER);
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
    // What was given up ends with its connection, unless the broker hangs.
    using limit = deadline(CLOSE_MS);
    const over = new Promise((resolve) => limit.signal.addEventListener("abort", resolve));
    await Promise.race([this.#running?.catch(() => {}), over]);
    await this.#disconnect();
  }

  get #target(): Target {
    const { client, topic } = this.#options;
    return { brokers: client.brokers.join(","), topic };
  }

  get #isTransactional(): boolean {
    return this.#options.delivery === "exactly_once";
  }

  /**
   * One that was fenced leaves the id to the other for as long as that delivers, over restarts too.
   *
   * @returns when it was fenced, if it was and the other one has stopped
   * @throws {FencedError}
   */
  async #standBack(client: KafkaClient, { note }: LocalPosition): Promise<Fenced | undefined> {
    const fenced = parseFenced(note);
    if (!fenced) return undefined;
    if (leftToWait(fenced, Date.now()) > 0) throw explainFenced(this.#target);
    const offsets = await client.groupOffsets(this.#groupId);
    const still = stillFenced(fenced, offsets, Date.now());
    if (!still) return fenced;
    await this.#context.note(JSON.stringify({ ...this.#note, fenced: still }));
    throw explainFenced(this.#target);
  }

  async #noteFenced(): Promise<void> {
    const offsets = await this.#client?.groupOffsets(this.#groupId).catch(() => undefined);
    const fenced = { at: Date.now(), seen: offsets ? seen(offsets) : null };
    await this.#context.note(JSON.stringify({ ...this.#note, fenced }));
  }

  /** Finds out what became of the last transaction. */
  async #settlePending(
    client: KafkaClient,
    local: LocalPosition,
    offsets: readonly GroupOffset[],
    signal: AbortSignal,
  ): Promise<Recovery> {
    const verdict = judge(local, offsets, this.#options.topic);
    const note = this.#note;
    if (verdict.kind === "delivered") return delivered(verdict.position, note);
    if (verdict.kind === "foreign") {
      return {
        position: local.position,
        newEpoch: `another buffer file delivered last as this collector (position ` +
          `${verdict.offset.position}): this one was replaced, restored or cloned; its positions ` +
          "count as new from here, nothing is dropped",
        event: undefined,
      };
    }
    if (!note) return nothingNew(local.position);
    const search = await client.search(note, local.collector, signal);
    if (search.kind === "found") return delivered(note.last, note);
    // What was sent before it in the same batch is there, though the buffer has not been told.
    const position = Math.max(note.after, local.position);
    if (search.kind === "absent") return delivered(position, note);
    if (search.kind === "unfinished") {
      // To send again what may be there would be a double: the next try goes on from here.
      await this.#context.note(JSON.stringify({ ...note, from: search.next }));
      throw new TransportError(
        `what had arrived is still being looked for (up to offset ${search.next}), the next try ` +
          "goes on from there",
        "timeout",
      );
    }
    return {
      ...delivered(position, note),
      event: `positions ${position + 1}–${note.last} are sent again: the broker forgot our ` +
        "position and the topic no longer shows whether they had arrived",
    };
  }

  /** Sends record batches, together with the position that they end at. */
  async #send(
    batch: Batch,
    parts: readonly (readonly Entry[])[],
    { after, rejections, signal }: {
      readonly after: number;
      readonly rejections: readonly Rejection[];
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const { topic, epoch } = batch;
    const last = parts.at(-1)?.at(-1)?.position ?? after;
    const { producer } = this.#connected;
    const place = await this.#placeOf(topic);
    // The note of what was given up must not replace that of what came after it.
    signal.throwIfAborted();
    const sending = { place, signal };
    if (!this.#isTransactional) return await this.#sendParts(producer, batch, parts, sending);
    const note: InFlight = {
      topic,
      partition: place.partition,
      epoch,
      after,
      last,
      from: place.end,
      rejections: rejections.filter(({ position }) => position < last),
    };
    this.#note = note;
    await this.#context.note(JSON.stringify(note));
    const transaction = await producer.transaction();
    await this.#sendParts(transaction, batch, parts, sending);
    const offset = { partition: 0, offset: String(last), ...{ metadata: this.#incarnation } };
    await transaction.sendOffsets({
      consumerGroupId: this.#groupId,
      topics: [{ topic, partitions: [offset] }],
    });
    await transaction.commit();
  }

  async #sendParts(
    sender: Pick<Producer, "send">,
    batch: Batch,
    parts: readonly (readonly Entry[])[],
    { place, signal }: { readonly place: Place; readonly signal: AbortSignal },
  ): Promise<void> {
    const options = { ...this.#options, batchSize: this.#context.batchSize };
    let packed: PackedRecords | undefined;
    let bytes = 0;
    for (const [i, part] of parts.entries()) {
      signal.throwIfAborted();
      this.#sending = part;
      packed ??= packEntries(batch, part, options);
      bytes += packed.bytes.length;
      const sending = this.#produce(sender, batch.topic, packed, place);
      // It is waited for below.
      sending.catch(() => {});
      const following = parts[i + 1];
      // What follows is written while the broker has this one.
      if (following) await nextTurn();
      packed = following && packEntries(batch, following, options);
      await sending;
    }
    this.#share = bytes / payloadOf(parts.flat());
  }

  async #produce(
    sender: Pick<Producer, "send">,
    topic: string,
    packed: PackedRecords,
    place: Place,
  ): Promise<void> {
    const { acks, compression, client } = this.#options;
    const [sent] = await sender.send({
      topic,
      acks,
      compression,
      timeout: client.timeoutMs,
      messages: standIns(packed, place.partition),
    });
    const base = Number(sent?.baseOffset ?? -1);
    if (base >= 0) place.end = base + packed.count;
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

  /** Runs a job against the broker; any failure is told in our terms. */
  async #explained<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(new TransportError("Stopped", "closed"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const running = job();
      this.#running = running;
      return await Promise.race([running, stopped.promise]);
    } catch (error) {
      const elapsedMs = performance.now() - startedAt;
      const told = explain(this.#client?.complete(error) ?? error, this.#target, elapsedMs);
      if (isTooLarge(error)) this.#shrink(this.#sending, told);
      if (told instanceof FencedError && told !== error) await this.#noteFenced();
      throw told;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /**
   * The broker takes less at once than we thought; a reading too large alone is set aside.
   *
   * @throws {RefusedError} it is not the reading that is too large
   */
  #shrink(part: readonly Entry[], told: Error): void {
    const [only] = part;
    const size = payloadOf(part);
    if (part.length > 1 || !only) {
      this.#limit = Math.max(Math.floor(Math.min(this.#limit, size) / 2), 1);
    } else if (size >= LARGE_BYTES) this.#tooLarge.add(only.position);
    else {
      throw new RefusedError(
        `${told.message}: a reading of ${size} bytes is more than the topic takes; raise its ` +
          "max.message.bytes",
        { cause: told },
      );
    }
  }

  async #disconnect(): Promise<void> {
    const producer = this.#connection?.producer;
    this.#connection = undefined;
    await producer?.disconnect().catch(() => {});
  }
}

/** A topic that does not take even this is at fault itself: nothing is set aside because of it. */
const LARGE_BYTES = 8192;

function payloadOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { payload }) => sum + payload.length, 0);
}

function nothingNew(position: number): Recovery {
  return { position, newEpoch: undefined, event: undefined };
}

/** What a delivery left out is told too: the buffer has not heard of it. */
function delivered(position: number, note: InFlight | undefined): Recovery {
  const rejected = note?.rejections?.filter((rejection) => rejection.position <= position);
  return { ...nothingNew(position), ...(rejected?.length ? { rejected } : {}) };
}

function withEvent(recovery: Recovery, text: string): Recovery {
  const texts = [text, recovery.event].filter((event) => event !== undefined);
  return { ...recovery, event: texts.join("; ") };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
