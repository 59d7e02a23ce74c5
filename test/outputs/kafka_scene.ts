import assert from "node:assert/strict";
import { encodeReading, eventReading, SCHEMA_FINGERPRINT } from "../../lib/avro/mod.ts";
import { Drain } from "../../lib/collect/mod.ts";
import { outputs } from "../../lib/outputs/mod.ts";
import { Delivery, type DeliveryOptions } from "./delivery.ts";
import { type Found, type KafkaRecord, readContainer, readTopic } from "./kcat.ts";
import { lookup } from "./lookup.ts";
import { asAdmin, createTopic } from "./broker.ts";

const found = outputs.find(({ name }) => name === "kafka");
assert.ok(found);

/** The output that is tested. */
export const type = found;

let scenes = 0;

/** A topic and a collector of a test's own, and a folder for its buffers. */
export class Scene implements AsyncDisposable {
  readonly brokers: string;
  readonly topic: string;
  readonly collector: string;
  readonly folder: string = Deno.makeTempDirSync({ prefix: "sunspool-scene-" });
  readonly #kcat: string;

  /** Neither is there before it is used. */
  constructor(brokers: string, kcat: string) {
    const number = ++scenes;
    this.brokers = brokers;
    this.topic = `topic-${number}`;
    this.collector = `collector-${number}`;
    this.#kcat = kcat;
  }

  /** The consumer group that keeps the position, and the transactional id. */
  get group(): string {
    return `sunspool-${this.collector}`;
  }

  /** Settings that lead to the topic. */
  settings(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return { "kafka.brokers": [this.brokers], "kafka.topic": this.topic, ...more };
  }

  /** A delivery out of a buffer file of the scene. */
  delivery(
    settings: Readonly<Record<string, unknown>> = {},
    options: Partial<DeliveryOptions> & { readonly file?: string } = {},
  ): Delivery {
    const { file = "buffer.sqlite", ...more } = options;
    return new Delivery({
      type,
      get: lookup(this.settings(settings)),
      path: `${this.folder}/${file}`,
      collector: this.collector,
      topic: this.topic,
      batchSize: 3,
      ...more,
    });
  }

  /** Makes the topic. */
  createTopic(config: Readonly<Record<string, string>> = {}, partitions = 1): Promise<void> {
    return createTopic(this.brokers, this.topic, config, { numPartitions: partitions });
  }

  /** The records that are committed. */
  records(topic = this.topic, brokers = this.brokers): Promise<KafkaRecord[]> {
    return readTopic(this.#kcat, brokers, topic);
  }

  /** The readings that are committed, in order. */
  async read(topic = this.topic, brokers = this.brokers): Promise<Found[]> {
    return (await this.records(topic, brokers)).flatMap(({ value }) => readContainer(value));
  }

  /** What those say. */
  async texts(topic = this.topic, brokers = this.brokers): Promise<string[]> {
    return (await this.read(topic, brokers)).map(({ text }) => text);
  }

  /** The position that the group keeps, and the incarnation with it. */
  async groupOffset(
    topic = this.topic,
  ): Promise<{ offset: string; metadata: string | null } | undefined> {
    const topics = await asAdmin(
      this.brokers,
      (admin) => admin.fetchOffsets({ groupId: this.group, topics: [topic] }),
    );
    const [partition] = topics[0]?.partitions ?? [];
    if (!partition || partition.offset === "-1") return undefined;
    return { offset: partition.offset, metadata: partition.metadata };
  }

  /** Has the broker forget the position. */
  async forgetOffset(): Promise<void> {
    await asAdmin(this.brokers, (admin) => admin.deleteGroups([this.group]));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.folder, { recursive: true });
  }
}

/** The drain of a delivery, as the program runs it. */
export function drainOf({ output, buffer }: Delivery): Drain {
  return new Drain(output, buffer, { idleMs: 50 }, {
    encodeEvent: (event, text) => ({
      schema: SCHEMA_FINGERPRINT,
      payload:
        encodeReading(eventReading(buffer.collector, event, text, Date.now() * 1000)).payload,
      createdAt: Date.now(),
      clockSynced: null,
    }),
    observeReadings() {},
    observeBatch() {},
    observeFailure() {},
    log() {},
    random: () => 0,
  });
}

/** The texts of numbers. */
export function range(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
}
