import { delay } from "../../../lib/backoff.ts";
import { startWarmKafka } from "../../outputs/broker.ts";
import { Chance } from "../../modbus/chance.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";
import { Site } from "../site.ts";
import { judgeTopic } from "../topic.ts";

/** Commits that a life has before it ends, at most. */
const COMMITS = 8;
/** Anywhere between two commits and within a delivery. */
const LATER_MS = 60;
const TOPIC = "readings";

/** The whole collector is killed while it polls, commits and delivers to both outputs. */
export const kill9: Experiment = {
  number: 2,
  name: "kill -9 of the collector",
  gateCycles: 10,
  fullCycles: 1000,
  run,
};

async function run(options: ExperimentOptions): Promise<Outcome> {
  const { cycles, seed, signal, log } = options;
  const chance = new Chance(seed);
  await using kafka = await startWarmKafka();
  await using site = await Site.make({
    sabotage: options.sabotage ? "promise_early" : undefined,
    settings: {
      "collect.outputs": ["file", "kafka"],
      "kafka.brokers": [kafka.brokers],
      "kafka.topic": TOPIC,
    },
  });
  for (let cycle = 0; cycle < cycles; cycle++) {
    signal.throwIfAborted();
    await site.configure({ "buffer.isolate": chance.of("true", "false") });
    await using collector = site.start();
    await collector.commits(1 + chance.below(COMMITS));
    site.recovered(collector);
    await delay(chance.below(LATER_MS), signal);
    await collector.kill();
  }
  await site.settle();
  const verdicts = [await site.judgeFiles(), await judgeTopic(site, kafka.brokers, TOPIC)];
  return site.outcome(cycles, verdicts, log);
}
