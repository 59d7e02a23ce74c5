import { parseArgs } from "node:util";
import { wholeNumber } from "../whole_number.ts";
import { experiments } from "./mod.ts";

/** What the command line of the experiments asks for. */
export interface Words {
  readonly help: boolean;
  /** What the gate runs, as short as there. */
  readonly gate: boolean;
  /** Numbers of experiments; undefined = all. */
  readonly only: readonly number[] | undefined;
  /** Of each experiment; undefined = as many as are usual. */
  readonly cycles: number | undefined;
  /** undefined = by chance. */
  readonly seed: number | undefined;
  /** File that keeps results from one run to the next; undefined = none. */
  readonly results: string | undefined;
}

/**
 * Understands a command line.
 *
 * @throws {Error} when it cannot be understood
 */
export function wordsOf(args: readonly string[]): Words {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h", default: false },
      gate: { type: "boolean", default: false },
      only: { type: "string" },
      cycles: { type: "string" },
      seed: { type: "string" },
      results: { type: "string" },
    },
  });
  const { help, gate, only, cycles, seed, results } = values;
  return {
    help,
    gate,
    only: only === undefined ? undefined : numbersOf(only),
    cycles: cycles === undefined ? undefined : wholeNumber("--cycles", cycles, 1),
    seed: seed === undefined ? undefined : wholeNumber("--seed", seed),
    results,
  };
}

function numbersOf(only: string): readonly number[] {
  const known = experiments.map(({ number }) => number);
  return only.split(",").map((text) => {
    const number = Number(text);
    if (known.includes(number)) return number;
    throw new Error(`Cannot run experiment "${text}": there are ${known.join(", ")}`);
  });
}

/** How to use it, with every experiment. */
export const USAGE = `Usage: deno task faults [OPTION…]

Injects faults into a real collector and judges from outside what it delivered. Needs what
scripts/services.ts setup fetches. Ends with 1 when a promise was broken, or when the judge did not
notice a broken program.

  --gate          Run what the gate runs, some minutes; all of it takes hours
  --only N[,N]    Run these experiments alone
  --cycles N      Inject so many faults in each, instead of the usual number
  --seed N        Repeat what was left to chance
  --results FILE  Keep there what is done, and go on from it the next time
  --help, -h      Say this

Experiments:
${experiments.map(({ number, name }) => `  ${String(number).padStart(2)}  ${name}\n`).join("")}`;
