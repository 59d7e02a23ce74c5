import assert from "node:assert/strict";
import { serviceTest } from "../services.ts";
import { experiments } from "./mod.ts";
import { Results } from "./results.ts";
import { isGood, runExperiment } from "./runner.ts";
import { tableOf } from "./table.ts";

for (const experiment of experiments) {
  if (experiment.gateCycles === 0) continue;
  serviceTest(
    `the promise holds, and breaking it is noticed: ${experiment.name}`,
    ["kafka", "kcat", "cc"],
    async () => {
      const said: string[] = [];
      const report = await runExperiment(experiment, {
        seed: Math.floor(Math.random() * 2 ** 31),
        cyclesOf: ({ gateCycles }) => gateCycles,
        results: new Results(undefined),
        signal: new AbortController().signal,
        log: (line) => said.push(line),
      });
      assert.ok(isGood(report), [tableOf([report]), ...said].join("\n"));
    },
  );
}
