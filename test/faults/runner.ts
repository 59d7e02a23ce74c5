import { messageOf } from "../../lib/core/mod.ts";
import { type Experiment, type Outcome, sumOf, Violation, violationsOf } from "./experiment.ts";
import type { Result, Results } from "./results.ts";

/** Cycles that share a world: devices, a buffer, a destination. */
const PART_CYCLES = 50;
/** So many are enough to see that something is broken. */
const BROKEN_CYCLES = 10;
const NOTHING = sumOf([]);

/** How experiments are run. */
export interface RunnerOptions {
  readonly seed: number;
  /** How many cycles of an experiment. */
  cyclesOf(experiment: Experiment): number;
  readonly results: Results;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** What came of one experiment. */
export interface Report {
  readonly experiment: Experiment;
  readonly seed: number;
  readonly outcome: Outcome;
  /** Whether the judge saw that the broken program is broken. */
  readonly isSabotageCaught: boolean;
  /** Promises that were broken, in words. */
  readonly violations: readonly string[];
}

/** Whether every promise held, and the bench would have noticed otherwise. */
export function isGood({ outcome, isSabotageCaught, violations }: Report): boolean {
  return violationsOf(outcome) === 0 && violations.length === 0 && isSabotageCaught;
}

/** Runs an experiment part by part, then a sabotaged one; parts that were run before are not run again. */
export async function runExperiment(
  experiment: Experiment,
  options: RunnerOptions,
): Promise<Report> {
  const cycles = options.cyclesOf(experiment);
  const parts: Result[] = [];
  for (let part = 0; part * PART_CYCLES < cycles; part++) {
    const size = Math.min(PART_CYCLES, cycles - part * PART_CYCLES);
    parts.push(await runPart(experiment, { part, cycles: size, sabotage: false }, options));
  }
  const brokenCycles = Math.max(1, Math.min(experiment.gateCycles, BROKEN_CYCLES));
  const how = { part: 0, cycles: brokenCycles, sabotage: true };
  const broken = await runPart(experiment, how, options);
  return {
    experiment,
    seed: options.seed,
    outcome: sumOf(parts.map(({ outcome }) => outcome)),
    isSabotageCaught: broken.violation !== null || violationsOf(broken.outcome) > 0,
    violations: parts.flatMap(({ violation }) => violation ?? []),
  };
}

interface Part {
  readonly part: number;
  readonly cycles: number;
  readonly sabotage: boolean;
}

async function runPart(
  experiment: Experiment,
  { part, cycles, sabotage }: Part,
  { seed, results, signal, log }: RunnerOptions,
): Promise<Result> {
  const name = { experiment: experiment.number, seed, part, sabotage };
  const known = results.find(name);
  if (known?.outcome.cycles === cycles || known?.violation) return known;
  signal.throwIfAborted();
  const prefix = `${experiment.number}${sabotage ? " sabotaged" : ""}, part ${part}`;
  const say = (line: string) => log(`${prefix}: ${line}`);
  let outcome = NOTHING;
  let violation: string | null = null;
  try {
    // Every part has a seed of its own, and shows the one that leads to it.
    outcome = await experiment.run({ cycles, seed: seed + part, sabotage, signal, log: say });
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = messageOf(error);
    say(violation);
  }
  const result = { ...name, outcome, violation, endedAt: new Date().toISOString() };
  results.add(result);
  return result;
}
