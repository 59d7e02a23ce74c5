/**
 * Injects faults into a real collector and judges from outside what it delivered: see --help.
 *
 *     deno task faults [--gate] [--only N[,N]] [--cycles N] [--seed N] [--results FILE]
 *
 * Ends with 1 when a promise was broken, or when the judge did not notice a broken program.
 */
// deno-lint-ignore-file no-console
import { messageOf } from "../../lib/core/mod.ts";
import { experiments } from "./mod.ts";
import { Results } from "./results.ts";
import { isGood, type Report, runExperiment } from "./runner.ts";
import { tableOf } from "./table.ts";
import { USAGE, type Words, wordsOf } from "./words.ts";

const { gate, only, cycles, seed, results } = understood();
const stopping = new AbortController();
Deno.addSignalListener("SIGINT", () => stopping.abort(new Error("stopped by SIGINT")));
const reports: Report[] = [];
for (const experiment of experiments) {
  if (only && !only.includes(experiment.number)) continue;
  if (!only && gate && experiment.gateCycles === 0) continue;
  reports.push(
    await runExperiment(experiment, {
      seed: seed ?? Math.floor(Math.random() * 2 ** 31),
      cyclesOf: ({ gateCycles, fullCycles }) => cycles ?? (gate ? gateCycles : fullCycles),
      results: new Results(results),
      signal: stopping.signal,
      log: (line) => console.error(line),
    }),
  );
}
console.log(tableOf(reports));
for (const { experiment, violations } of reports) {
  for (const violation of violations) console.log(`${experiment.number}: ${violation}`);
}
Deno.exit(reports.every(isGood) ? 0 : 1);

/** The words given; ends where there is nothing to run. */
function understood(): Words {
  try {
    const words = wordsOf(Deno.args);
    if (!words.help) return words;
    console.log(USAGE.trimEnd());
    Deno.exit(0);
  } catch (error) {
    console.error(`error: ${messageOf(error)}\ntry: --help`);
    Deno.exit(2);
  }
}
