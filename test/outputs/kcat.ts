import { ContainerDecoder } from "../../lib/avro/mod.ts";

/** A record of a topic, as kcat tells of it. */
export interface KafkaRecord {
  readonly offset: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970: when it was made, or appended, as the topic has it. */
  readonly timestamp: number;
  readonly value: Uint8Array;
}

/** Everything in a topic that is committed; nothing when there is no such topic. */
export async function readTopic(
  kcat: string,
  brokers: string,
  topic: string,
  isolation: "read_committed" | "read_uncommitted" = "read_committed",
): Promise<KafkaRecord[]> {
  const settings = [`isolation.level=${isolation}`, "fetch.wait.max.ms=10"];
  const { code, stdout, stderr } = await new Deno.Command(kcat, {
    args: [
      ...["-C", "-b", brokers, "-t", topic, "-o", "beginning", "-e", "-q"],
      ...settings.flatMap((setting) => ["-X", setting]),
      ...["-X", "allow.auto.create.topics=false", "-f", "%o\t%k\t%h\t%T\t%S\n%s"],
    ],
  }).output();
  const complaint = new TextDecoder().decode(stderr);
  if (complaint.includes("Unknown topic")) return [];
  if (code !== 0) throw new Error(`Cannot read topic "${topic}": ${complaint}`);
  return [...records(stdout)];
}

function* records(bytes: Uint8Array): Generator<KafkaRecord> {
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at);
    const head = new TextDecoder().decode(bytes.subarray(at, end)).split("\t");
    const [offset = "", key = "", headers = "", timestamp = "", size = ""] = head;
    at = end + 1 + Number(size);
    yield {
      offset: Number(offset),
      key,
      headers: Object.fromEntries(
        headers.split(",").filter(Boolean).map((header) => header.split("=")),
      ),
      timestamp: Number(timestamp),
      value: bytes.slice(end + 1, at),
    };
  }
}

/** A reading at a destination: what it says is the name of its source. */
export interface Found {
  readonly collector: string;
  readonly epoch: number;
  readonly position: number;
  readonly kind: string;
  readonly text: string;
}

/** The readings in a container file. */
export function readContainer(bytes: Uint8Array): Found[] {
  const decoder = new ContainerDecoder();
  const found = [...decoder.push(bytes)].map((record) => ({
    collector: String(record.collector),
    epoch: Number(record.epoch),
    position: Number(record.position),
    kind: String(record.kind),
    text: String(record.source),
  }));
  if (decoder.pending > 0) throw new Error(`${decoder.pending} bytes behind the last block`);
  return found;
}
