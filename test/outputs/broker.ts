import assert from "node:assert/strict";
import { type ITopicConfig, Kafka as KafkaJs, logLevel } from "kafkajs";
import { type Kafka, startKafka } from "../../scripts/services.ts";
import type { Buffer } from "../../lib/core/mod.ts";
import { KafkaClient } from "../../lib/outputs/kafka/client.ts";
import { STAND_BACK_MS } from "../../lib/outputs/kafka/fenced.ts";
import { pause } from "../../lib/backoff.ts";

/** Whatever is waited for comes within this time, or the test fails. */
const DEADLINE_MS = 60_000;

/** Waits until a condition holds; it may throw for a while. */
export async function until(
  condition: () => Promise<boolean> | boolean,
  what: string,
): Promise<void> {
  const limit = AbortSignal.timeout(DEADLINE_MS);
  for (;;) {
    let cause: unknown;
    try {
      if (await condition()) return;
    } catch (error) {
      cause = error;
    }
    if (await pause(20, limit)) throw new Error(`Waited in vain until ${what}`, { cause });
  }
}

/** Does something as the broker's administrator. */
export async function asAdmin<T>(
  brokers: string,
  job: (admin: ReturnType<KafkaJs["admin"]>) => Promise<T>,
): Promise<T> {
  const admin = clientOf(brokers).admin();
  try {
    await admin.connect();
    return await job(admin);
  } finally {
    await admin.disconnect();
  }
}

/** A plain client. */
export function clientOf(brokers: string): KafkaJs {
  return new KafkaJs({
    brokers: [brokers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 10, retries: 10 },
  });
}

/** Makes a topic; `config` are its settings. */
export async function createTopic(
  brokers: string,
  topic: string,
  config: Readonly<Record<string, string>> = {},
  more: Partial<ITopicConfig> = {},
): Promise<void> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await asAdmin(brokers, async (admin) => {
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, configEntries, ...more }],
    });
    // The client's own wait ends at once where the broker does not know the topic yet.
    await until(async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics[0]?.partitions ?? [];
      const isLed = partitions.length > 0 && partitions.every(({ leader }) => leader >= 0);
      // A leader that has been named may not know of it yet.
      return isLed && (await admin.fetchTopicOffsets(topic)).length === partitions.length;
    }, `topic "${topic}" has leaders`);
  });
}

/** Begins and ends a transaction of a collector, as a second one of the same name would. */
export async function takeOver(brokers: string, collector: string): Promise<void> {
  const rival = clientOf(brokers).producer({ transactionalId: `sunspool-${collector}` });
  await using _rival = { [Symbol.asyncDispose]: () => rival.disconnect() };
  await rival.connect();
  await (await rival.transaction()).abort();
}

/** Has it look to a collector that was fenced as if that had been minutes ago. */
export async function passMinutes(buffer: Buffer): Promise<void> {
  const { note } = await buffer.local("kafka");
  const { fenced, ...more } = JSON.parse(note ?? "");
  assert.ok(Date.now() - fenced.at < 60_000);
  const at = fenced.at - STAND_BACK_MS;
  await buffer.note("kafka", JSON.stringify({ ...more, fenced: { ...fenced, at } }));
}

/** Starts a broker, and has it make the topics of its own in which it keeps groups and transactions. */
export async function startWarmKafka(
  options?: Parameters<typeof startKafka>[0],
): Promise<Kafka> {
  const kafka = await startKafka(options);
  // Our own client mends kafkajs's timers, for the clients of tests too.
  const quiet = { brokers: [], clientId: "", timeoutMs: 1000, tls: undefined, sasl: undefined };
  await KafkaClient.create(quiet, () => {});
  try {
    await createTopic(kafka.brokers, WARM_UP);
    await until(() => warmUp(kafka.brokers), "the broker keeps transactions");
    return kafka;
  } catch (error) {
    await kafka.stop();
    throw error;
  }
}

const WARM_UP = "warm-up";

async function warmUp(brokers: string): Promise<boolean> {
  const groupId = WARM_UP;
  const producer = clientOf(brokers).producer({ transactionalId: groupId });
  await using _producer = { [Symbol.asyncDispose]: () => producer.disconnect() };
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic: WARM_UP, messages: [{ value: "warm" }] });
  const partitions = [{ partition: 0, offset: "1" }];
  await transaction.sendOffsets({
    consumerGroupId: groupId,
    topics: [{ topic: WARM_UP, partitions }],
  });
  await transaction.commit();
  const [kept] = await asAdmin(brokers, (admin) => admin.fetchOffsets({ groupId }));
  assert.equal(kept?.partitions[0]?.offset, "1");
  return true;
}
