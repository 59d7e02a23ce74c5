import { ContainerDecoder } from "../../../lib/avro/mod.ts";
import type { Kafka } from "../../../scripts/services.ts";
import { createTopic } from "../../outputs/broker.ts";
import { readTopic } from "../../outputs/kcat.ts";
import type { Figures } from "../measurement.ts";
import { percentile } from "../statistics.ts";
import type { KafkaPlace } from "./subject.ts";

/** Makes a topic with one partition, in which the broker notes when it appends. */
export async function newTopic(kafka: Kafka): Promise<KafkaPlace> {
  const topic = `bench-${crypto.randomUUID().slice(0, 8)}`;
  await createTopic(kafka.brokers, topic, { "message.timestamp.type": "LogAppendTime" });
  return { brokers: kafka.brokers, topic, dataFolder: `${kafka.dataFolder}/${topic}-0` };
}

/** What stands in a topic of the readings of some time. */
export async function topicFigures(
  { brokers, topic, dataFolder }: KafkaPlace,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Figures> {
  const latencies: number[] = [];
  let all = 0;
  for (const { value, timestamp } of await readTopic("kcat", brokers, topic)) {
    for (const record of new ContainerDecoder().push(value)) {
      all++;
      const collectedMs = Number(record.collected_at) / 1000;
      if (collectedMs >= from && collectedMs < to) latencies.push(timestamp - collectedMs);
    }
  }
  latencies.sort((a, b) => a - b);
  return {
    latency_p50_ms: percentile(latencies, 50),
    latency_p95_ms: percentile(latencies, 95),
    latency_max_ms: percentile(latencies, 100),
    kafka_bytes_per_reading: all === 0 ? null : segmentBytes(dataFolder) / all,
  };
}

function segmentBytes(folder: string): number {
  const segments = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".log"));
  return segments.reduce((sum, { name }) => sum + Deno.statSync(`${folder}/${name}`).size, 0);
}
