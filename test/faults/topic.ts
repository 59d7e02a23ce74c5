import { readTopic } from "../outputs/kcat.ts";
import { readContainer } from "./delivered.ts";
import { judge, type Verdict } from "./judge.ts";
import type { Site } from "./site.ts";

/** Judges a topic as a consumer reads it that asks for committed records only. */
export async function judgeTopic(site: Site, brokers: string, topic: string): Promise<Verdict> {
  const { committed, devices } = site;
  const records = await readTopic("kcat", brokers, topic);
  const delivered = records.flatMap(({ value }) => readContainer(value));
  return judge({ committed, delivered, devices, output: "kafka" });
}
