import type { Outcome } from "./experiment.ts";

/** What has been run: a line of the results file. */
export interface Result {
  readonly experiment: number;
  /** The seed that was asked for; each part has one of its own, derived from it. */
  readonly seed: number;
  /** Counts the parts of an experiment from 0. */
  readonly part: number;
  readonly sabotage: boolean;
  readonly outcome: Outcome;
  /** A broken promise that no figure tells; null = none. */
  readonly violation: string | null;
  /** ISO 8601. */
  readonly endedAt: string;
}

/** Results of earlier runs and of this one, kept in a file of JSON lines where one is named. */
export class Results {
  readonly #path: string | undefined;
  readonly #results: Result[] = [];

  /** Reads what is there already. */
  constructor(path: string | undefined) {
    this.#path = path;
    if (path !== undefined) this.#results.push(...readLines(path));
  }

  /** The result of a part, if it was run before. */
  find(wanted: Pick<Result, "experiment" | "seed" | "part" | "sabotage">): Result | undefined {
    return this.#results.find(({ experiment, seed, part, sabotage }) =>
      experiment === wanted.experiment && seed === wanted.seed && part === wanted.part &&
      sabotage === wanted.sabotage
    );
  }

  /** Keeps a result. */
  add(result: Result): void {
    this.#results.push(result);
    if (this.#path === undefined) return;
    Deno.writeTextFileSync(this.#path, `${JSON.stringify(result)}\n`, { append: true });
  }
}

function readLines(path: string): Result[] {
  try {
    const lines = Deno.readTextFileSync(path).split("\n");
    return lines.filter(Boolean).map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
