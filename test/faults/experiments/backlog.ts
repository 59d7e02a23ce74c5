import { DatabaseSync } from "node:sqlite";
import { encodeReading, SCHEMA_FINGERPRINT } from "../../../lib/avro/mod.ts";
import { SqliteBuffer } from "../../../lib/buffer/mod.ts";
import type { Kafka } from "../../../scripts/services.ts";
import { FULL } from "../../avro/sample_readings.ts";
import { startWarmKafka } from "../../outputs/broker.ts";
import { bufferOptions } from "../../outputs/delivery.ts";
import { temporaryFolder } from "../../program.ts";
import { type Experiment, type ExperimentOptions, type Outcome, Violation } from "../experiment.ts";
import { Footprint, GROWTH_MIB } from "../footprint.ts";

/** Readings of one cycle. */
const ROWS = 50_000;
/** Readings in one commit, as of a large site. */
const COMMIT_ROWS = 1000;
const COLLECTOR = "roof";
const TOPIC = "readings";
const MAIN = new URL("../../../main.ts", import.meta.url).pathname;

/** The broker is away for long; everything that the buffer holds is then delivered in one go. */
export const backlog: Experiment = {
  number: 14,
  name: `an outage leaves a backlog of ${ROWS} readings a cycle`,
  gateCycles: 1,
  fullCycles: 100,
  run,
};

async function run({ cycles, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  await using kafka = await startWarmKafka();
  using folder = temporaryFolder();
  const path = `${folder.path}/buffer.sqlite`;
  const rows = cycles * ROWS;
  await fill(path, rows);
  if (sabotage) lose(path, Math.floor(rows / 2));
  const args = settingsOf(path, kafka);
  await kafka.kill();
  const failed = await sunspool(["drain", "--give-up", "1s", ...args], signal);
  log(`with the broker away it takes up ${failed.peakMib} MiB`);
  if (failed.code !== 75) throw new Violation(`With the broker away: ${failed.err}`);
  await kafka.restart();
  const startedAt = performance.now();
  const drained = await sunspool(["drain", ...args], signal);
  const ms = performance.now() - startedAt;
  if (drained.code !== 0) throw new Violation(`With the broker back: ${drained.err}`);
  const { peakMib } = drained;
  if (peakMib > failed.peakMib + GROWTH_MIB) throw new Violation(`It grew to ${peakMib} MiB`);
  log(`${rows} readings in ${Math.round(ms)} ms: ${Math.round(rows * 1000 / ms)} a second`);
  const { delivered, lost, twice } = await countTopic(kafka.brokers, rows);
  const verifiedAt = performance.now();
  const verified = await sunspool(["verify", "--topic", TOPIC, ...args], signal);
  log(`${verified.err.trim()}, in ${Math.round(performance.now() - verifiedAt)} ms`);
  const isProven = verified.code === 0;
  if (isProven !== (lost + twice === 0 || delivered + lost < rows)) {
    throw new Violation(`verify sees it otherwise: ${verified.out}${verified.err}`);
  }
  const none = { wrong: 0, gapsRecorded: 0, longestRecoveryMs: Math.round(ms) };
  return { cycles, committed: rows, delivered, lost, twice, ...none, peakMib };
}

/** Fills a buffer with readings of an inverter. */
async function fill(path: string, rows: number): Promise<void> {
  await using buffer = new SqliteBuffer({
    ...bufferOptions(path, COLLECTOR, "kafka"),
    role: "append",
    topic: TOPIC,
    maxBytes: 16 * 1024 ** 3,
  });
  const clockSynced = true;
  for (let first = 0; first < rows; first += COMMIT_ROWS) {
    const entries = Array.from({ length: COMMIT_ROWS }, (_, i) => {
      const collectedAt = (Date.now() - rows + first + i) * 1000;
      const body = encodeReading({ ...FULL, collectedAt });
      const createdAt = Math.floor(collectedAt / 1000);
      return { schema: SCHEMA_FINGERPRINT, ...body, createdAt, clockSynced };
    });
    const stored = buffer.append(entries);
    buffer.flush();
    await stored;
  }
}

/** Takes a reading out behind the program's back. */
function lose(path: string, position: number): void {
  const database = new DatabaseSync(path);
  database.prepare("DELETE FROM telemetry_queue WHERE id = ?").run(position);
  database.close();
}

function settingsOf(path: string, kafka: Kafka): string[] {
  const settings = {
    "collector.id": COLLECTOR,
    "buffer.path": path,
    "buffer.max_bytes": "16 GiB",
    "kafka.brokers": kafka.brokers,
    "kafka.topic": TOPIC,
  };
  return Object.entries(settings).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
}

async function sunspool(args: readonly string[], signal: AbortSignal) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", MAIN, ...args],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  using footprint = new Footprint(child.pid);
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  const { peakMib } = footprint;
  return { code, out: text.decode(stdout), err: text.decode(stderr), peakMib };
}

/** What kcat finds: each record's headers say which positions are in it. */
async function countTopic(brokers: string, rows: number) {
  const child = new Deno.Command("kcat", {
    args: [
      ...["-C", "-b", brokers, "-t", TOPIC, "-o", "beginning", "-e", "-q", "-f", "%h\n"],
      ...["-X", "isolation.level=read_committed"],
    ],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let [next, delivered, lost, twice, rest] = [1, 0, 0, 0, ""];
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const header = (name: string) => Number(new RegExp(`${name}=(\\d+)`).exec(line)?.[1]);
      const [first, last, count] = [header("first"), header("last"), header("count")];
      lost += Math.max(0, first - next) + last - first + 1 - count;
      twice += Math.max(0, next - first);
      delivered += count;
      next = Math.max(next, last + 1);
    }
  }
  await child.status;
  return { delivered, lost: lost + rows - (next - 1), twice };
}
