import type { Findings } from "./runner.ts";

/** A figure that is to be reached. */
export interface Goal {
  readonly figure: string;
  /** The open Rust collector of the same design, on another machine: quoted, not run here. */
  readonly quotedPeer: string;
  readonly limit: number;
  /** As written in the figure's column. */
  readonly unit: string;
  readonly digits: number;
  /** The limit is the least, not the most. */
  readonly isLeast?: boolean;
  /** Where it is found. */
  readonly measurement: string;
  readonly row: string;
  readonly subject: string;
  readonly key: string;
}

/** A goal beside what was measured; undefined = not in this run. */
export interface Verdict {
  readonly goal: Goal;
  readonly measured: number | undefined;
  /** What the subject of the floor took in the same run. */
  readonly floor: number | undefined;
  readonly isMet: boolean | undefined;
}

const KAFKA = "sunspool into Kafka";
const FILES = "sunspool into files";

const collect = (row: string, subject: string, key: string) => ({
  measurement: "collect",
  row,
  subject,
  key,
});
const cpu = { unit: "ms", digits: 3 };
const rss = { unit: "MiB", digits: 0 };
const latency = { unit: "ms", digits: 0 };
const rows = { unit: "readings", digits: 0 };
const bytes = { unit: "bytes", digits: 0 };
const none = "–";

/** All of them. */
export const goals: readonly Goal[] = [
  {
    figure: "CPU a poll, 500 devices",
    quotedPeer: "0.44",
    limit: 0.15,
    ...cpu,
    ...collect("500 devices", KAFKA, "cpu_ms_per_poll"),
  },
  {
    figure: "CPU a poll, 100 devices",
    quotedPeer: "0.45",
    limit: 0.25,
    ...cpu,
    ...collect("100 devices", KAFKA, "cpu_ms_per_poll"),
  },
  {
    figure: "CPU a poll, 1 device",
    quotedPeer: "2.5–4.5",
    limit: 4,
    ...cpu,
    ...collect("1 device", KAFKA, "cpu_ms_per_poll"),
  },
  {
    figure: "backlog, 500 devices, at most a second's readings",
    quotedPeer: "grows for ever",
    limit: 1000,
    ...rows,
    ...collect("500 devices", KAFKA, "backlog"),
  },
  {
    figure: "backlog, 2,000 devices, at most a second's readings",
    quotedPeer: "grows for ever",
    limit: 4000,
    ...rows,
    ...collect("2000 devices", KAFKA, "backlog"),
  },
  {
    figure: "collected to appended by Kafka, 500 devices, p50",
    quotedPeer: "94, tuned",
    limit: 150,
    ...latency,
    ...collect("500 devices", KAFKA, "latency_p50_ms"),
  },
  {
    figure: "the same, p95",
    quotedPeer: "186, tuned",
    limit: 300,
    ...latency,
    ...collect("500 devices", KAFKA, "latency_p95_ms"),
  },
  {
    figure: "RSS, 1 device into files",
    quotedPeer: "12",
    limit: 50,
    ...rss,
    ...collect("1 device", FILES, "rss_mib"),
  },
  {
    figure: "RSS, 1 device into Kafka",
    quotedPeer: "12",
    limit: 60,
    ...rss,
    ...collect("1 device", KAFKA, "rss_mib"),
  },
  {
    figure: "RSS, 500 devices into Kafka",
    quotedPeer: "25",
    limit: 100,
    ...rss,
    ...collect("500 devices", KAFKA, "rss_mib"),
  },
  {
    figure: "drain of a backlog into Kafka",
    quotedPeer: "195",
    limit: 60_000,
    isLeast: true,
    unit: "readings/s",
    digits: 0,
    measurement: "drain",
    row: "a backlog",
    subject: KAFKA,
    key: "readings_per_s",
  },
  {
    figure: "written to storage a reading, 100 devices",
    quotedPeer: none,
    limit: 900,
    ...bytes,
    ...collect("100 devices", KAFKA, "storage_bytes_per_reading"),
  },
  {
    figure: "written to storage a reading, 500 devices",
    quotedPeer: none,
    limit: 900,
    ...bytes,
    ...collect("500 devices", KAFKA, "storage_bytes_per_reading"),
  },
  {
    figure: "`read` of one model, from source",
    quotedPeer: none,
    limit: 80,
    ...latency,
    measurement: "read",
    row: "one device",
    subject: "sunspool from source",
    key: "wall_ms",
  },
  {
    figure: "scan of a /24 with 100 devices",
    quotedPeer: none,
    limit: 1500,
    ...latency,
    measurement: "scan",
    row: "/24, 100 devices",
    subject: "sunspool from source",
    key: "wall_ms",
  },
  {
    figure: "scan of a /20 with 1,000 devices",
    quotedPeer: none,
    limit: 15_000,
    ...latency,
    measurement: "scan",
    row: "/20, 1000 devices",
    subject: "sunspool from source",
    key: "wall_ms",
  },
  {
    figure: "growth of RSS, 100 devices, one hour",
    quotedPeer: none,
    limit: 1,
    unit: "MiB an hour",
    digits: 2,
    measurement: "memory",
    row: "100 devices",
    subject: KAFKA,
    key: "rss_slope_mib_per_h",
  },
];

/** Holds a run against the goals. */
export function verdictsOf(findings: readonly Findings[]): readonly Verdict[] {
  return goals.map((goal) => {
    const { results = [] } = findings.find(({ measurement }) =>
      measurement.name === goal.measurement
    ) ?? {};
    const ofRow = results.filter(({ row }) => row === goal.row);
    const own = ofRow.find(({ subject }) => subject === goal.subject);
    const floor = ofRow.find(({ subject }) => subject === own?.against);
    const measured = own?.medians[goal.key] ?? undefined;
    return {
      goal,
      measured,
      floor: floor?.medians[goal.key] ?? undefined,
      isMet: measured === undefined
        ? undefined
        : goal.isLeast
        ? measured >= goal.limit
        : measured <= goal.limit,
    };
  });
}
