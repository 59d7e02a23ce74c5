import type { Bench, Measurement, Trial } from "../measurement.ts";
import type { Plan } from "../plans.ts";
import { startFloor } from "./floor.ts";
import { startPeer } from "./peer.ts";
import type { StartPoller } from "./subject.ts";
import { startSunspool } from "./sunspool.ts";
import { watch } from "./watch.ts";

/** What polls, in the order of the report. */
interface Subject extends Pick<Trial, "subject" | "against" | "needs"> {
  readonly intoKafka: boolean;
  readonly isPeer?: boolean;
  start(bench: Bench): StartPoller;
}

const REQUESTS_ONLY = "floor: the requests";
const INTO_KAFKA = "floor: into Kafka";

const SUBJECTS: readonly Subject[] = [
  {
    subject: "sunspool into Kafka",
    against: INTO_KAFKA,
    needs: ["kafka", "kcat"],
    intoKafka: true,
    start: () => startSunspool,
  },
  {
    subject: "sunspool into files",
    against: INTO_KAFKA,
    intoKafka: false,
    start: () => startSunspool,
  },
  {
    subject: INTO_KAFKA,
    needs: ["kafka", "kcat"],
    intoKafka: true,
    start: () => startFloor,
  },
  { subject: REQUESTS_ONLY, intoKafka: false, start: () => startFloor },
  ...(["pysunspec2", "pymodbus"] as const).map((name): Subject => ({
    subject: name,
    against: REQUESTS_ONLY,
    needs: ["python"],
    intoKafka: false,
    isPeer: true,
    start: ({ tools: { python = "" } }) => (place) => startPeer(python, `poll_${name}`, place),
  })),
];

/** Polling at one second, all defaults. */
export const collect: Measurement = {
  name: "collect",
  title: "Collecting, each device once a second",
  ratio: "cpu_ms_per_poll",
  parts: [
    {
      about:
        "A poll reads models 103 and 160 with four modules (142 registers with their headers) " +
        "of one device. CPU is that of the process, all threads, from /proc/PID/stat and schedstat. " +
        "Latency is from `collected_at` to the append that the broker notes in the topic; the " +
        "transaction ends right after it. sunspool runs with its defaults and everything on. The " +
        "floor keeps registers without names, units or scale factors; pysunspec2 decodes and keeps " +
        "nothing, pymodbus does not even decode.",
      columns: [
        { key: "cpu_ms_per_poll", title: "CPU a poll, ms", digits: 3 },
        { key: "polls_done_percent", title: "polls done, %", digits: 1 },
        { key: "polls_failed", title: "failed", digits: 0 },
        { key: "requests_per_poll", title: "requests a poll", digits: 2 },
        { key: "backlog", title: "backlog at the end", digits: 0 },
        { key: "backlog_growth", title: "its growth", digits: 0 },
        { key: "latency_p50_ms", title: "latency p50, ms", digits: 0 },
        { key: "latency_p95_ms", title: "p95", digits: 0 },
        { key: "latency_max_ms", title: "max", digits: 0 },
        { key: "rss_mib", title: "RSS, MiB", digits: 0 },
        { key: "rss_peak_mib", title: "its peak", digits: 0 },
        { key: "all_polled_ms", title: "start to all polled, ms", digits: 0 },
        { key: "simulator_cpu_percent", title: "simulator, % of a core", digits: 1 },
      ],
    },
    {
      about: "Bytes a reading (a poll makes two): pages that the process caused to be written to " +
        "storage (`write_bytes` of /proc/PID/io: buffer, journal and files), what it handed to write " +
        "calls (`wchar`, sockets among it), what a reading takes of the topic's segments and of " +
        "finished files, and the Modbus frames of it, requests and answers.",
      columns: [
        { key: "storage_bytes_per_reading", title: "to storage", digits: 0 },
        { key: "written_bytes_per_reading", title: "by write calls", digits: 0 },
        { key: "kafka_bytes_per_reading", title: "in the topic", digits: 0 },
        { key: "file_bytes_per_reading", title: "in files", digits: 0 },
        { key: "modbus_bytes_per_reading", title: "Modbus", digits: 0 },
        { key: "buffer_mib", title: "buffer file, MiB", digits: 1 },
      ],
    },
  ],
  trials,
};

function trials({ devices, peerDevices }: Plan): readonly Trial[] {
  return devices.flatMap((count) =>
    SUBJECTS.filter(({ isPeer }) => !isPeer || peerDevices.includes(count))
      .map(({ start, intoKafka, ...subject }) => ({
        ...subject,
        row: count === 1 ? "1 device" : `${count} devices`,
        run: (bench: Bench) => watch(bench, { devices: count, intoKafka, start: start(bench) }),
      }))
  );
}
