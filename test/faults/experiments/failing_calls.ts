import { Chance } from "../../modbus/chance.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";
import { compileShim } from "../shim.ts";
import { Site } from "../site.ts";

/** What fails, and how late a failure of it may come: so often is it called in a short life. */
const CALLS = [
  ["pwrite64", 60],
  ["fsync", 30],
  ["fdatasync", 15],
  ["write", 15],
  ["ftruncate64", 4],
  ["rename", 4],
  ["open64", 25],
] as const;
/** Those of the file output alone, which is what the sabotage breaks. */
const OUTPUT_CALLS = [["fdatasync", 6], ["write", 6]] as const;
/** errno */
const [EIO, ENOSPC] = [5, 28];
const COMMITS = 12;

/** One call on the disk fails, or a few in a row do. */
export const failingCalls: Experiment = {
  number: 8,
  name: "EIO and ENOSPC at the n-th call",
  gateCycles: 10,
  fullCycles: 1000,
  run,
};

async function run(options: ExperimentOptions): Promise<Outcome> {
  const { cycles, seed, signal, log } = options;
  const chance = new Chance(seed);
  await using site = await Site.make({
    sabotage: options.sabotage ? "swallow_errors" : undefined,
  });
  const shim = await compileShim("failing_calls", site.folder);
  for (let cycle = 0; cycle < cycles; cycle++) {
    signal.throwIfAborted();
    const calls = options.sabotage ? OUTPUT_CALLS : CALLS;
    const [call, latest] = calls[chance.below(calls.length)] ?? CALLS[0];
    await using collector = site.start({
      LD_PRELOAD: shim,
      DISK: site.disk,
      FAIL_CALL: call,
      FAIL_AT: String(1 + chance.below(latest)),
      FAIL_TIMES: String(chance.of(1, 1, 3)),
      FAIL_ERRNO: String(chance.of(EIO, ENOSPC)),
    });
    await collector.commits(COMMITS);
    if (chance.next() < 0.5) await collector.kill();
    else await collector.stop();
    // Whatever it did about it: the next start finds the disk well, as a service manager would.
    await site.settle();
  }
  return site.outcome(cycles, [await site.judgeFiles()], log);
}
