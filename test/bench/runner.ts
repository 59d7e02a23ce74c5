import { messageOf } from "../../lib/core/mod.ts";
import type { Bench, Figures, Measurement, Trial } from "./measurement.ts";
import { medians } from "./statistics.ts";

/** What came of one trial. */
export interface Result {
  readonly row: string;
  readonly subject: string;
  readonly against: string | null;
  /** In the order they were run. */
  readonly rounds: readonly Figures[];
  readonly medians: Figures;
  /** Why there are no figures, or fewer rounds than the others have. */
  readonly faults: readonly string[];
}

/** What came of a measurement. */
export interface Findings {
  readonly measurement: Measurement;
  readonly results: readonly Result[];
}

/** How a measurement is to be run. */
export interface RunOptions {
  readonly rounds: number;
  readonly log: (line: string) => void;
}

/**
 * Runs all trials of a measurement, round by round, so that whatever disturbs the machine meets all
 * of them.
 */
export async function runMeasurement(
  measurement: Measurement,
  bench: Bench,
  { rounds, log }: RunOptions,
): Promise<Findings> {
  const trials = measurement.trials(bench.plan).map((trial) => ({
    trial,
    rounds: Array.from<Figures>({ length: 0 }),
    faults: missing(trial, bench),
  }));
  for (let round = 1; round <= rounds; round++) {
    for (const { trial, rounds: done, faults } of trials) {
      if (faults.length > 0 && done.length === 0) continue;
      bench.signal.throwIfAborted();
      const prefix = `${measurement.name} ${round}/${rounds}: ${trial.row}, ${trial.subject}`;
      try {
        const figures = await trial.run(bench);
        done.push(figures);
        log(`${prefix}: ${inWords(figures, measurement)}`);
      } catch (error) {
        bench.signal.throwIfAborted();
        faults.push(messageOf(error));
        log(`${prefix}: ${messageOf(error)}`);
      }
    }
  }
  const results = trials.map(({ trial, rounds, faults }) => ({
    row: trial.row,
    subject: trial.subject,
    against: trial.against ?? null,
    rounds,
    medians: medians(rounds),
    faults,
  }));
  return { measurement, results };
}

function missing({ needs = [] }: Trial, { tools }: Bench): string[] {
  return needs.filter((name) => tools[name] === undefined).map((name) => `no ${name} here`);
}

function inWords(figures: Figures, { parts }: Measurement): string {
  return parts.flatMap(({ columns }) => columns).flatMap(({ key, title, digits }) => {
    const value = figures[key] ?? null;
    return value === null ? [] : [`${title} ${value.toFixed(digits)}`];
  }).slice(0, 4).join(", ");
}
