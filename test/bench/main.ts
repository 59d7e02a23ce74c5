/**
 * Measures the program as its users run it, beside the floor and programs of others.
 *
 *     deno task bench [--quick] [--only NAME[,NAME]] [--rounds N] [--out DIR]
 *
 * Says on standard error how it goes; writes DIR/bench.json and DIR/bench.md.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { circumstances, loadNow } from "./machine.ts";
import { measurements } from "./mod.ts";
import { plans } from "./plans.ts";
import { jsonOf, markdownOf } from "./report.ts";
import { type Findings, runMeasurement } from "./runner.ts";
import { openBench } from "./equipment.ts";

/** Tables as the documents have them. */
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

const { values } = parseArgs({
  args: [...Deno.args],
  options: {
    quick: { type: "boolean", default: false },
    tiny: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    out: { type: "string", default: "dist/bench" },
  },
});
const names = values.only?.split(",");
const unknown = names?.filter((name) => measurements.every((one) => one.name !== name));
if (unknown?.length) {
  const known = measurements.map(({ name }) => name).join(", ");
  throw new Error(`Cannot measure "${unknown.join()}": there are ${known}`);
}
const plan = values.tiny ? plans.tiny : values.quick ? plans.quick : plans.full;
const rounds = Number(values.rounds ?? plan.rounds);
const stopping = new AbortController();
Deno.addSignalListener("SIGINT", () => stopping.abort(new Error("stopped by SIGINT")));
const begin = await circumstances();
await using bench = await openBench(plan, stopping.signal);
const findings: Findings[] = [];
for (const measurement of measurements) {
  if (names ? !names.includes(measurement.name) : measurement.isOnDemand) continue;
  const log = (line: string) => console.error(`${loadNow().toFixed(1)} ${line}`);
  findings.push(await runMeasurement(measurement, bench, { rounds, log }));
  // What there is so far is kept, whatever happens later.
  const run = { circumstances: begin, loadAfter: loadNow(), rounds, findings };
  await Deno.mkdir(values.out, { recursive: true });
  await Deno.writeTextFile(`${values.out}/bench.json`, jsonOf(run));
  await Deno.writeTextFile(`${values.out}/bench.md`, markdownOf(run));
}
await new Deno.Command(Deno.execPath(), {
  args: ["fmt", "--quiet", "--config", CONFIG, `${values.out}/bench.md`],
}).output();
console.error(`${values.out}/bench.md`);
Deno.exitCode = findings.some(({ results }) => results.some(({ rounds }) => rounds.length === 0))
  ? 1
  : 0;
