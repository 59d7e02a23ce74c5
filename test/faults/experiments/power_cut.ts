import { join } from "node:path";
import { delay } from "../../../lib/backoff.ts";
import { Chance } from "../../modbus/chance.ts";
import { cutPower, prepareDurable } from "../durable_image.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";
import { compileShim } from "../shim.ts";
import { OUTAGE, Site } from "../site.ts";

const COMMITS = 20;
const LATER_MS = 60;

/** Power cuts: whatever was not synced is gone, or there in part. */
export const powerCut: Experiment = {
  number: 3,
  name: "power cut",
  gateCycles: 10,
  fullCycles: 2000,
  run,
};

async function run({ cycles, seed, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  const chance = new Chance(seed);
  await using site = await Site.make({
    settings: { "buffer.synchronous": sabotage ? "normal" : "full" },
  });
  const shim = await compileShim("power_cut", site.folder);
  const durable = join(site.folder, "durable");
  const env = { LD_PRELOAD: shim, DISK: site.disk, DURABLE: durable };
  for (let cycle = 0; cycle < cycles; cycle++) {
    signal.throwIfAborted();
    await prepareDurable(durable);
    await site.configure({
      // What is delivered at once cannot be lost any more: in every second life nothing is.
      ...(cycle % 2 === 0 ? OUTAGE : {}),
      "buffer.isolate": chance.of("true", "false"),
    });
    await using collector = site.start(env);
    await collector.commits(1 + chance.below(COMMITS));
    site.recovered(collector);
    await delay(chance.below(LATER_MS), signal);
    await collector.kill();
    await cutPower({ disk: site.disk, durable }, chance.of(0, 0, chance.next()), chance);
  }
  await site.settle();
  return site.outcome(cycles, [await site.judgeFiles()], log);
}
