import { join } from "node:path";
import { Chance } from "../../modbus/chance.ts";
import { type Experiment, type ExperimentOptions, type Outcome, Violation } from "../experiment.ts";
import { compileShim } from "../shim.ts";
import { Site } from "../site.ts";

const SECOND = 1_000_000n;
const DAY = 86_400n * SECOND;
const YEAR = 365n * DAY;
/** How far the clock is set, microseconds: a leap second, an hour of summer, a dead battery … */
const STEPS = [
  ...[-1n, 1n, -SECOND, SECOND, -SECOND / 2n, -3600n * SECOND, 3600n * SECOND],
  ...[-DAY, DAY, -50n * YEAR, 50n * YEAR],
];
/** The clock stays within 1971 and 2200. */
const [EARLIEST, LATEST] = [1n * YEAR, 230n * YEAR];
const COMMITS = 3;

/** The wall clock is set, forth and back, under a running collector. */
export const clockSteps: Experiment = {
  number: 23,
  name: "clock steps",
  gateCycles: 20,
  fullCycles: 1000,
  run,
};

async function run(options: ExperimentOptions): Promise<Outcome> {
  const { cycles, seed, signal, log } = options;
  const chance = new Chance(seed);
  await using site = await Site.make({
    sabotage: options.sabotage ? "trust_clock" : undefined,
  });
  const shim = await compileShim("clock_steps", site.folder);
  const clock = join(site.folder, "clock");
  let offset = 0n;
  await Deno.writeFile(clock, bytesOf(offset));
  using setting = await Deno.open(clock, { write: true });
  // With a backlog, readings of every year there is wait side by side to be trimmed.
  const isOutage = chance.next() < 0.5;
  if (isOutage) await site.block();
  await using collector = site.start({ LD_PRELOAD: shim, CLOCK_OFFSET: clock });
  await collector.commits(1);
  site.recovered(collector);
  for (let cycle = 0; cycle < cycles; cycle++) {
    signal.throwIfAborted();
    offset = stepped(offset, STEPS[chance.below(STEPS.length)] ?? SECOND);
    // In place: the collector has this file in its memory.
    await setting.seek(0, Deno.SeekMode.Start);
    await setting.write(bytesOf(offset));
    if (!await collector.commits(collector.commitCount + COMMITS)) break;
  }
  if (isOutage) await site.unblock();
  const code = await collector.stop();
  if (code !== 0) throw new Violation(`It ended with ${code}:\n${collector.log}`);
  const verdict = await site.judgeFiles();
  if (verdict.gapsRecorded > 0) throw new Violation(`${verdict.gapsRecorded} readings were eaten`);
  return site.outcome(cycles, [verdict], log);
}

/** The next offset; a step that leads out of range goes the other way. */
function stepped(offset: bigint, step: bigint): bigint {
  const time = BigInt(Date.now()) * 1000n + offset + step;
  return time < EARLIEST || time > LATEST ? offset - step : offset + step;
}

function bytesOf(offset: bigint): Uint8Array {
  return new Uint8Array(BigInt64Array.of(offset).buffer);
}
