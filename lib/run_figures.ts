import { BUFFER_FIGURES, type BufferFigure, type Sample } from "./buffer_figures.ts";
import type { BufferStats } from "./core/mod.ts";

/** How a run ended. */
export interface RunEnd {
  /** As the process gives it. */
  readonly exitCode: number;
  /** How long it took. */
  readonly seconds: number;
  /** Unix milliseconds. */
  readonly now: number;
}

/** Each figure of a run, with what it means. */
const HELP = {
  sunspool_run_last_success_timestamp_seconds:
    "When a run of this command last ended with exit code 0; 0 = none has yet",
  sunspool_run_timestamp_seconds: "When its last run ended",
  sunspool_run_exit_code: "Exit code of its last run",
  sunspool_run_duration_seconds: "Time its last run took, without the wait before it",
  sunspool_run_polls: "Polls in its last run",
  sunspool_run_readings: "Readings in its last run, by where they went and what became of them",
} as const;

/**
 * What is told of one run of a command that cron or a timer starts again and again, in the text format
 * of Prometheus.
 */
export class RunFigures {
  readonly #command: string;
  readonly #samples = new Map<keyof typeof HELP, Sample[]>();
  #buffer: { readonly stats: BufferStats; readonly now: number } | undefined;

  /**
   * Nothing is told yet.
   *
   * @param command the word that calls it
   */
  constructor(command: string) {
    this.#command = command;
  }

  /** Polls of this run that ended so. */
  polls(result: string, count: number): void {
    this.#add("sunspool_run_polls", { result }, count);
  }

  /** Readings of this run that became this on their way to an output, or into the buffer. */
  readings(output: string, result: string, count: number): void {
    this.#add("sunspool_run_readings", { output, result }, count);
  }

  /** The buffer's figures; `now` is Unix milliseconds. */
  buffer(stats: BufferStats, now: number): void {
    this.#buffer = { stats, now };
  }

  /**
   * Everything as text.
   *
   * @param before the text of the run before: a run that failed keeps when one last did not
   */
  render({ exitCode, seconds, now }: RunEnd, before: string): string {
    const success = exitCode === 0 ? now / 1000 : lastSuccess(before, this.#command);
    this.#add("sunspool_run_last_success_timestamp_seconds", {}, success);
    this.#add("sunspool_run_timestamp_seconds", {}, now / 1000);
    this.#add("sunspool_run_exit_code", {}, exitCode);
    this.#add("sunspool_run_duration_seconds", {}, seconds);
    const own = [...this.#samples].map(([name, samples]) =>
      rendered({ name, help: HELP[name], type: "gauge" }, samples)
    );
    const { stats, now: then } = this.#buffer ?? {};
    const buffer = stats === undefined || then === undefined
      ? []
      : BUFFER_FIGURES.map((figure) => rendered(figure, figure.samples(stats, then)));
    return [...own, ...buffer].join("");
  }

  /** What is told twice with the same labels adds up. */
  #add(name: keyof typeof HELP, given: Sample["labels"], value: number): void {
    const labels = { command: this.#command, ...given };
    const samples = this.#samples.get(name) ?? [];
    const isSame = (other: Sample) => labelText(other.labels) === labelText(labels);
    const sum = (samples.find(isSame)?.value ?? 0) + value;
    this.#samples.set(name, [
      ...samples.filter((other) => !isSame(other)),
      { labels, value: sum },
    ]);
  }
}

function lastSuccess(text: string, command: string): number {
  const line = /^sunspool_run_last_success_timestamp_seconds\{command="([^"]*)"\} ([\d.]+)$/gm;
  const [, , time = "0"] = [...text.matchAll(line)].find(([, name]) => name === command) ?? [];
  return Number(time);
}

function rendered(
  { name, help, type }: Pick<BufferFigure, "name" | "help" | "type">,
  samples: readonly Sample[],
): string {
  const lines = samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelText(labels: Sample["labels"]): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
