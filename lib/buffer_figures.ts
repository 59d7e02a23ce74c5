import type { BufferStats } from "./core/mod.ts";

/** A value and what distinguishes it from its neighbours. */
export interface Sample {
  /** Label names and their values. */
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds, bytes, or a count. */
  readonly value: number;
}

/** A metric of the buffer, read from its figures of one moment. */
export interface BufferFigure {
  /** As Prometheus knows it. */
  readonly name: string;
  /** One line. */
  readonly help: string;
  /** A counter counts for as long as the buffer file is there. */
  readonly type: "gauge" | "counter";
  /** What its samples are distinguished by. */
  readonly labelNames: readonly string[];
  /** Its samples; `now` is Unix milliseconds. */
  samples(stats: BufferStats, now: number): readonly Sample[];
}

/** What is measured of a buffer, whoever looks at it. */
export const BUFFER_FIGURES: readonly BufferFigure[] = [
  plain("sunspool_buffer_rows", "Readings in the buffer", ({ rows }) => rows),
  plain("sunspool_buffer_bytes", "Bytes of the buffer file in use", ({ bytes }) => bytes),
  plain("sunspool_buffer_max_bytes", "Bytes that it may use", ({ maxBytes }) => maxBytes),
  plain(
    "sunspool_buffer_oldest_age_seconds",
    "Age of the oldest reading in the buffer",
    ({ oldestAt }, now) => age(oldestAt, now),
  ),
  {
    name: "sunspool_buffer_dropped_total",
    help:
      "Readings that an output never gets, since the buffer file was made; gap records tell which",
    type: "counter",
    labelNames: ["output", "reason"],
    samples: ({ dropped }) =>
      dropped.map(({ output, reason, count }) => ({ labels: { output, reason }, value: count })),
  },
  perOutput(
    "sunspool_output_lag_seconds",
    "Age of the oldest reading an output still has to take",
    ({ waitingSince }, output, now) => age(waitingSince[output], now),
  ),
  perOutput(
    "sunspool_output_backlog",
    "Readings an output still has to take",
    ({ backlog }, output) => backlog[output] ?? 0,
  ),
  plain(
    "sunspool_dead_letters",
    "Readings set aside as undeliverable",
    ({ deadLetters }) => deadLetters,
  ),
];

function plain(
  name: string,
  help: string,
  value: (stats: BufferStats, now: number) => number,
): BufferFigure {
  const samples = (stats: BufferStats, now: number) => [{ labels: {}, value: value(stats, now) }];
  return { name, help, type: "gauge", labelNames: [], samples };
}

function perOutput(
  name: string,
  help: string,
  value: (stats: BufferStats, output: string, now: number) => number,
): BufferFigure {
  return {
    name,
    help,
    type: "gauge",
    labelNames: ["output"],
    samples: (stats, now) =>
      Object.keys(stats.backlog).map((output) => ({
        labels: { output },
        value: value(stats, output, now),
      })),
  };
}

function age(since: number | undefined, now: number): number {
  return since === undefined ? 0 : Math.max(now - since, 0) / 1000;
}
