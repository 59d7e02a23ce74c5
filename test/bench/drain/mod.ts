import { temporaryFolder } from "../../program.ts";
import { asAdmin, createTopic } from "../../outputs/broker.ts";
import { newTopic } from "../collect/topic.ts";
import { floorProgram, formsOfSunspool } from "../commands/programs.ts";
import { type Timed, timed } from "../commands/timed.ts";
import { openFile, storeAll } from "../floor/outbox.ts";
import type { Bench, Figures, Measurement, Trial } from "../measurement.ts";
import { BACKLOG_TOPIC, backlogOf, COLLECTOR } from "./backlog.ts";

const FLOOR = "floor: rows to containers to Kafka";
const ROW = "a backlog";
/** Of the floor and of kcat. */
const RECORD_BYTES = 1000;

/** How fast a backlog leaves. */
export const drain: Measurement = {
  name: "drain",
  title: "Draining a backlog",
  ratio: "cpu_us_per_reading",
  parts: [{
    about:
      "A collector polled fifty devices without a broker; `sunspool drain` then delivers what it " +
      "left, and is timed from its start to its end. The floor and kcat (idempotent, zstd) send " +
      "as many records of 1,000 bytes of text.",
    columns: [
      { key: "readings_per_s", title: "readings a second", digits: 0 },
      { key: "cpu_us_per_reading", title: "CPU a reading, µs", digits: 1 },
      { key: "readings", title: "readings", digits: 0 },
      { key: "buffer_bytes_per_reading", title: "in the buffer, bytes a reading", digits: 0 },
    ],
  }],
  trials,
};

function trials(): readonly Trial[] {
  const [{ command } = { command: [] }] = formsOfSunspool();
  return [
    {
      row: ROW,
      subject: "sunspool into Kafka",
      against: FLOOR,
      needs: ["kafka"],
      run: async (bench) => {
        const { brokers } = await bench.kafka();
        await makeReady(brokers);
        const settings = [`kafka.brokers=${brokers}`, `kafka.topic=${BACKLOG_TOPIC}`];
        return await drained(bench, command, settings);
      },
    },
    {
      row: ROW,
      subject: "sunspool into files",
      against: FLOOR,
      run: (bench) => drained(bench, command, ["collect.outputs=file"]),
    },
    { row: ROW, subject: FLOOR, needs: ["kafka"], run: drainFloor },
    { row: ROW, subject: "kcat", against: FLOOR, needs: ["kafka", "kcat"], run: sendByKcat },
  ];
}

/** Each round delivers the same rows: the broker has their topic, and has not heard of them. */
async function makeReady(brokers: string): Promise<void> {
  const topics = await asAdmin(brokers, (admin) => admin.listTopics());
  if (!topics.includes(BACKLOG_TOPIC)) return await createTopic(brokers, BACKLOG_TOPIC);
  await asAdmin(brokers, (admin) => admin.deleteGroups([`sunspool-${COLLECTOR}`]));
}

async function drained(
  bench: Bench,
  command: readonly string[],
  settings: readonly string[],
): Promise<Figures> {
  const { path, readings } = await backlogOf(bench);
  using folder = temporaryFolder();
  const buffer = `${folder.path}/buffer.sqlite`;
  await Deno.copyFile(path, buffer);
  const { size } = await Deno.stat(buffer);
  const all = [
    `collector.id=${COLLECTOR}`,
    `buffer.path=${buffer}`,
    "buffer.max_bytes=16 GiB",
    ...settings,
  ];
  const flags = all.flatMap((setting) => ["--set", setting]);
  const run = await timed([...command, "drain", "--verbose", ...flags], folder.path);
  return { ...figures(run, readings), buffer_bytes_per_reading: size / readings };
}

async function drainFloor(bench: Bench): Promise<Figures> {
  const { readings } = await backlogOf(bench);
  const { brokers, topic } = await newTopic(await bench.kafka());
  using folder = temporaryFolder();
  const database = openFile(folder.path);
  storeAll(database, records(readings));
  database.close();
  return figures(await timed(floorProgram("drain", folder.path, brokers, topic)), readings);
}

async function sendByKcat(bench: Bench): Promise<Figures> {
  const { readings } = await backlogOf(bench);
  const { brokers, topic } = await newTopic(await bench.kafka());
  using folder = temporaryFolder();
  const lines = `${folder.path}/lines`;
  using file = await Deno.open(lines, { write: true, create: true });
  for (const record of records(readings)) file.writeSync(Uint8Array.of(...record, 10));
  const how = ["-z", "zstd", "-X", "enable.idempotence=true"];
  const run = await timed(["kcat", "-P", "-b", brokers, "-t", topic, ...how, "-l", lines]);
  return figures(run, readings, readings);
}

/** @throws when it did not deliver all */
function figures(
  { wallMs, cpuMs, out, err }: Timed,
  readings: number,
  delivered = Number(/(\d+) delivered/.exec(out + err)?.[1]),
): Figures {
  if (delivered !== readings) throw new Error(`Delivered ${delivered} of ${readings}: ${err}`);
  return {
    readings,
    readings_per_s: readings / wallMs * 1000,
    cpu_us_per_reading: cpuMs / readings * 1000,
  };
}

/** Records of text that compresses about as readings do. */
function* records(count: number): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (let i = 0; i < count; i++) {
    const values = Array.from(
      { length: 60 },
      (_, k) => `"point${k}":${Math.imul(i + 1, k + 7) % 9973}`,
    );
    yield encoder.encode(values.join(",").padEnd(RECORD_BYTES, " ")).subarray(0, RECORD_BYTES);
  }
}
