import { delay } from "../../../lib/backoff.ts";
import { Chance } from "../../modbus/chance.ts";
import { BrokerSite } from "../broker_site.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";
import type { Flap } from "../kafka_proxy.ts";

/** How often a network breaks in which way, and for how long at most. */
const FLAPS: readonly (readonly [Flap, number])[] = [
  ["cut", 0],
  // Longer than the client tries by itself.
  ["down", 4000],
  ["half_open", 0],
  ["stall", 400],
  ["cut", 0],
  // Longer than it waits for an answer.
  ["stall", 3000],
];

/** Connections break, hang, or come back late. */
export const networkFlaps: Experiment = {
  number: 15,
  name: "the network to the broker flaps",
  gateCycles: 10,
  fullCycles: 3000,
  run,
};

async function run({ cycles, seed, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  const chance = new Chance(seed);
  await using work = await BrokerSite.make({ sabotage: sabotage ? "swallow_errors" : undefined });
  await work.whileCollecting(async () => {
    for (let cycle = 0; cycle < cycles; cycle++) {
      signal.throwIfAborted();
      const [kind, longestMs] = FLAPS[cycle % FLAPS.length] ?? ["cut", 0];
      await delay(chance.below(100));
      await work.proxy.flap(kind, longestMs / 2 + chance.below(longestMs / 2 + 1));
      await work.deliversAgain();
    }
  });
  return await work.outcome(cycles, log);
}
