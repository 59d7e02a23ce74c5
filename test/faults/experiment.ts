/** What came of some cycles of an experiment, as the judge saw it from outside. */
export interface Outcome {
  /** Faults that were injected, each followed by a recovery. */
  readonly cycles: number;
  /** Readings that the collector said were on disk. */
  readonly committed: number;
  /** Readings at the destination; with several, at the one that has the fewest. */
  readonly delivered: number;
  /** Committed, but neither delivered nor told of in a gap record. */
  readonly lost: number;
  /** Delivered more than once. */
  readonly twice: number;
  /** Delivered with a value that no device served, out of order, or of an unknown device. */
  readonly wrong: number;
  /** Readings that gap records say were dropped. */
  readonly gapsRecorded: number;
  /** From a start to the first commit after it, or from the end of a fault to that; milliseconds. */
  readonly longestRecoveryMs: number;
  /** The most memory that it took up, MiB; left out: nobody looked. */
  readonly peakMib?: number;
  /** How late its event loop was, 99 times of 100 at most, milliseconds; left out: nobody looked. */
  readonly loopP99Ms?: number;
}

/** How an experiment is to be run. */
export interface ExperimentOptions {
  readonly cycles: number;
  /** Decides everything that is left to chance. */
  readonly seed: number;
  /** Break the program on purpose, so that the experiment has to fail. */
  readonly sabotage: boolean;
  readonly signal: AbortSignal;
  /** One line on how it goes. */
  readonly log: (line: string) => void;
}

/** A fault that is injected again and again into a running collector. */
export interface Experiment {
  /** As in `docs/reliability.md`. */
  readonly number: number;
  readonly name: string;
  /** Cycles that the gate runs; 0 = full runs only. */
  readonly gateCycles: number;
  /** Cycles of a full run. */
  readonly fullCycles: number;
  /**
   * Runs so many cycles in a world of their own, and judges it at the end.
   *
   * @throws {Violation} when a promise is broken that no figure of the outcome tells
   */
  run(options: ExperimentOptions): Promise<Outcome>;
}

/** A broken promise; any other error says that the bench itself has failed. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** How often a promise was broken. */
export function violationsOf({ lost, twice, wrong }: Outcome): number {
  return lost + twice + wrong;
}

/** Outcomes of cycles that were run one after the other, as one. */
export function sumOf(outcomes: readonly Outcome[]): Outcome {
  const sum = (of: (outcome: Outcome) => number) =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const max = (of: (outcome: Outcome) => number | undefined) => {
    const known = outcomes.map(of).filter((value) => value !== undefined);
    return known.length === 0 ? undefined : Math.max(...known);
  };
  const [peakMib, loopP99Ms] = [max(({ peakMib }) => peakMib), max(({ loopP99Ms }) => loopP99Ms)];
  return {
    ...peakMib === undefined ? {} : { peakMib },
    ...loopP99Ms === undefined ? {} : { loopP99Ms },
    cycles: sum(({ cycles }) => cycles),
    committed: sum(({ committed }) => committed),
    delivered: sum(({ delivered }) => delivered),
    lost: sum(({ lost }) => lost),
    twice: sum(({ twice }) => twice),
    wrong: sum(({ wrong }) => wrong),
    gapsRecorded: sum(({ gapsRecorded }) => gapsRecorded),
    longestRecoveryMs: Math.max(0, ...outcomes.map(({ longestRecoveryMs }) => longestRecoveryMs)),
  };
}
