import { delay } from "../../../lib/backoff.ts";
import { SmallDisk } from "../../buffer/small_disk.ts";
import { Chance } from "../../modbus/chance.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";
import { KeptCollector } from "../kept_collector.ts";
import { Site } from "../site.ts";

const DISK_KIB = 16 * 1024;
const COMMITS = 5;
/** How long the disk stays full. */
const FULL_MS = { least: 300, most: 1500 };

/** Somebody else fills the disk, and frees it later; nobody touches the collector. */
export const diskFull: Experiment = {
  number: 6,
  name: "disk filled by others and freed",
  gateCycles: 2,
  fullCycles: 200,
  run,
};

async function run({ cycles, seed, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  const chance = new Chance(seed);
  await using disk = await SmallDisk.mount(DISK_KIB);
  if (!disk) throw new Error("Cannot mount a small disk: this process may not, try as root");
  await using site = await Site.make({
    disk: disk.folder,
    sabotage: sabotage ? "believe_buffer" : undefined,
  });
  for (let cycle = 0; cycle < cycles; cycle++) {
    signal.throwIfAborted();
    await using collector = new KeptCollector(site);
    await collector.commits(1 + chance.below(COMMITS));
    const filler = await disk.fill();
    await delay(FULL_MS.least + chance.below(FULL_MS.most - FULL_MS.least), signal);
    await Deno.remove(filler);
    const healedAt = performance.now();
    await collector.commits(COMMITS);
    site.noteRecovery(performance.now() - healedAt);
    await collector.stop();
  }
  await site.settle();
  return site.outcome(cycles, [await site.judgeFiles()], log);
}
