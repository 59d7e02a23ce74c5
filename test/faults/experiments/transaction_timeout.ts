import { delay } from "../../../lib/backoff.ts";
import { SPEED } from "../../hangs.ts";
import { BrokerSite } from "../broker_site.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";
import type { KafkaApi } from "../kafka_proxy.ts";

/** What the broker is told instead of a minute; on the collector's clock it is more than half of one. */
const TIMEOUT_MS = 1200;
/** Well beyond it, and short of what the collector gives a delivery: 120 s on its clock. */
const HELD_MS = 2200;
/** So long it is looked for what the collector says of it. */
const TOLD_MS = 2000;
const LOOK_AGAIN_MS = 20;
/** Tried beyond what was asked for, as long as the broker gave nothing up. */
const MORE_CYCLES = 6;
/** Requests of a transaction that has begun. All but the first are tried again before it is given up. */
const APIS = [
  "Produce",
  "EndTxn",
  "TxnOffsetCommit",
  "AddOffsetsToTxn",
] as const satisfies readonly KafkaApi[];

/** A transaction is left open for so long that the broker gives it up, and goes on then. */
export const transactionTimeout: Experiment = {
  number: 34,
  name: "the broker gives a transaction up",
  gateCycles: 2,
  fullCycles: 100,
  run,
};

async function run({ cycles, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  let isGivenUp = false;
  let done = 0;
  await using work = await BrokerSite.make({
    sabotage: sabotage ? "swallow_errors" : undefined,
    kafka: { properties: { "transaction.abort.timed.out.transaction.cleanup.interval.ms": "100" } },
    settings: {
      "kafka.timeout_ms": 30_000,
      "buffer.commit_interval_ms": 20 * SPEED,
      "buffer.drain_interval_ms": 50 * SPEED,
      "poller.poll_interval_ms": 20 * SPEED,
      "modbus.timeout_ms": 1000 * SPEED,
    },
  });
  work.proxy.transactionTimeoutMs = TIMEOUT_MS;
  await work.whileCollecting(async (collector) => {
    // On a slow machine the broker may be late: what was not given up tells nothing.
    const most = sabotage ? cycles : cycles + MORE_CYCLES;
    while (done < cycles || (!isGivenUp && done < most)) {
      const api = APIS[done++ % APIS.length] ?? "Produce";
      signal.throwIfAborted();
      const held = work.proxy.hold(api, HELD_MS);
      // A broken collector may never send anything again.
      await (sabotage ? Promise.race([held, delay(2 * HELD_MS)]) : held);
      const giveUpAt = performance.now() + TOLD_MS;
      const isTold = () => collector.log.includes("the broker gave the transaction up");
      while (!isTold() && performance.now() < giveUpAt) await delay(LOOK_AGAIN_MS);
      isGivenUp ||= isTold();
      await work.deliversAgain();
    }
  }, { HANG: "nothing" });
  if (!isGivenUp && !sabotage) throw new Error("The broker never gave a transaction up");
  return await work.outcome(done, log);
}
