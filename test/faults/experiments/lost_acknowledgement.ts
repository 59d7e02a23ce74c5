import { Chance } from "../../modbus/chance.ts";
import { BrokerSite } from "../broker_site.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";
import type { KafkaApi } from "../kafka_proxy.ts";

/** Every request of a transaction whose answer can get lost. */
const APIS: readonly [KafkaApi, ...KafkaApi[]] = [
  ...["Produce", "EndTxn", "AddOffsetsToTxn", "TxnOffsetCommit", "AddPartitionsToTxn"] as const,
];
/** Longer than the client tries by itself. */
const LONG_MS = 1500;

/** The broker does what it is asked to, and nobody hears of it. */
export const lostAcknowledgement: Experiment = {
  number: 11,
  name: "an acknowledgement of the broker is lost",
  gateCycles: 10,
  fullCycles: 2000,
  run,
};

async function run({ cycles, seed, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  const chance = new Chance(seed);
  // Without idempotence a client that tries again writes again.
  const naive = { "kafka.delivery": "at_least_once", "kafka.enable_idempotence": false };
  await using work = await BrokerSite.make({ settings: sabotage ? naive : {} });
  await work.whileCollecting(async () => {
    for (let cycle = 0; cycle < cycles; cycle++) {
      signal.throwIfAborted();
      const api = sabotage ? "Produce" : APIS[cycle % APIS.length] ?? "EndTxn";
      await work.proxy.drop(api);
      // Every third time all of them for so long that the client gives up and the delivery recovers.
      if (cycle % 3 === 2) await work.proxy.dropAll(api, LONG_MS + chance.below(LONG_MS));
      await work.deliversAgain();
    }
  });
  return await work.outcome(cycles, log);
}
