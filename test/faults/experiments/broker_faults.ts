import { delay } from "../../../lib/backoff.ts";
import type { Kafka } from "../../../scripts/services.ts";
import { Chance } from "../../modbus/chance.ts";
import { BrokerSite } from "../broker_site.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";

/** Longer than the client tries by itself. */
const DOWN_MS = 3000;
/** Beyond 2 s without a heartbeat the broker fences itself for a moment when it thaws. */
const FROZEN_MS = 8000;

const FAULTS: readonly ((kafka: Kafka, chance: Chance) => Promise<void>)[] = [
  async (kafka, chance) => {
    await kafka.kill();
    await delay(DOWN_MS + chance.below(DOWN_MS));
    await kafka.restart();
  },
  async (kafka, chance) => {
    kafka.freeze();
    await delay(500 + chance.below(FROZEN_MS));
    kafka.thaw();
  },
  (kafka) => kafka.restart(),
];

/** The broker dies, stands still, or is restarted in good order. */
export const brokerFaults: Experiment = {
  number: 12,
  name: "the broker is killed, frozen or restarted",
  gateCycles: 1,
  fullCycles: 100,
  run,
};

async function run({ cycles, seed, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  const chance = new Chance(seed);
  await using work = await BrokerSite.make({ sabotage: sabotage ? "swallow_errors" : undefined });
  await work.whileCollecting(async () => {
    for (let cycle = 0; cycle < cycles; cycle++) {
      signal.throwIfAborted();
      await delay(chance.below(300));
      await FAULTS[cycle % FAULTS.length]?.(work.kafka, chance);
      await work.deliversAgain();
    }
  });
  return await work.outcome(cycles, log);
}
