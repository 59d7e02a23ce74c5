/**
 * Injects faults into a real collector and judges from outside what it delivered.
 *
 *     deno task faults [--gate] [--only N[,N]] [--cycles N] [--seed N] [--results FILE]
 *
 * Ends with 1 when a promise was broken, or when the judge did not notice a broken program.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { experiments } from "./mod.ts";
import { Results } from "./results.ts";
import { isGood, type Report, runExperiment } from "./runner.ts";
import { tableOf } from "./table.ts";

const { values } = parseArgs({
  args: [...Deno.args],
  options: {
    gate: { type: "boolean", default: false },
    only: { type: "string" },
    cycles: { type: "string" },
    seed: { type: "string" },
    results: { type: "string" },
  },
});
const numbers = values.only?.split(",").map(Number);
const unknown = numbers?.filter((number) => experiments.every((one) => one.number !== number));
if (unknown?.length) {
  const known = experiments.map(({ number }) => number).join(", ");
  throw new Error(`Cannot run experiment "${unknown.join()}": there are ${known}`);
}
const stopping = new AbortController();
Deno.addSignalListener("SIGINT", () => stopping.abort(new Error("stopped by SIGINT")));
const reports: Report[] = [];
for (const experiment of experiments) {
  if (numbers && !numbers.includes(experiment.number)) continue;
  if (!numbers && values.gate && experiment.gateCycles === 0) continue;
  reports.push(
    await runExperiment(experiment, {
      seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 31)),
      cyclesOf: ({ gateCycles, fullCycles }) =>
        Number(values.cycles ?? (values.gate ? gateCycles : fullCycles)),
      results: new Results(values.results),
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
