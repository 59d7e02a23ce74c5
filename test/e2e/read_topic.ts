import assert from "node:assert/strict";
import type { DecodedRecord } from "../../lib/avro/mod.ts";

/** All records of a topic that kcat sees, as fastavro decodes them. */
export async function readTopic(
  brokers: string,
  topic: string,
  { kcat, python }: { readonly kcat: string; readonly python: string },
): Promise<DecodedRecord[]> {
  const consumer = new Deno.Command(kcat, {
    args: ["-C", "-b", brokers, "-t", topic, "-e", "-q", "-f", "%R%s"],
    stdout: "piped",
  }).spawn();
  const decoder = new Deno.Command(python, {
    args: [new URL("python/decode_containers.py", import.meta.url).pathname],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  await consumer.stdout.pipeTo(decoder.stdin);
  const [{ success }, { stdout }] = await Promise.all([consumer.status, decoder.output()]);
  assert.ok(success);
  return new TextDecoder().decode(stdout).trimEnd().split("\n").map((line) => JSON.parse(line));
}
