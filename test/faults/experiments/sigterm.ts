import { delay } from "../../../lib/backoff.ts";
import { Chance } from "../../modbus/chance.ts";
import { startWarmKafka } from "../../outputs/broker.ts";
import { type Experiment, type ExperimentOptions, type Outcome, Violation } from "../experiment.ts";
import { Site } from "../site.ts";
import { judgeTopic } from "../topic.ts";

/** Anywhere in the first polls, commits and deliveries, and well behind them. */
const LATEST_MS = 400;
/** Short, so that some stops leave readings to the next start. */
const DRAIN_DEADLINE_MS = 300;
/** What a stop may take beyond that on a busy machine. */
const MARGIN_MS = 10_000;
const TOPIC = "readings";

/** The collector is asked to stop while it polls, commits, recovers and delivers to both outputs. */
export const sigterm: Experiment = {
  number: 26,
  name: "SIGTERM at a random instant",
  gateCycles: 6,
  fullCycles: 1000,
  run,
};

async function run(options: ExperimentOptions): Promise<Outcome> {
  const { cycles, seed, signal, log } = options;
  const chance = new Chance(seed);
  await using kafka = await startWarmKafka();
  const settings = {
    "collect.outputs": ["file", "kafka"],
    // What waits to be committed is in another thread then.
    "buffer.isolate": true,
    "kafka.brokers": [kafka.brokers],
    "kafka.topic": TOPIC,
  };
  await using site = await Site.make({
    sabotage: options.sabotage ? "promise_early" : undefined,
    settings: { ...settings, "collect.drain_deadline_ms": DRAIN_DEADLINE_MS },
  });
  for (let cycle = 0; cycle < cycles; cycle++) {
    signal.throwIfAborted();
    await using collector = site.start();
    await collector.commits(1);
    site.recovered(collector);
    await delay(chance.below(LATEST_MS), signal);
    const stoppedAt = performance.now();
    const code = await collector.stop();
    const ms = Math.round(performance.now() - stoppedAt);
    if (code !== 0) throw new Violation(`It exits ${code}:\n${collector.log}`);
    if (ms > DRAIN_DEADLINE_MS + MARGIN_MS) throw new Violation(`It took ${ms} ms to stop`);
  }
  // The last one delivers everything.
  await site.configure(settings);
  await site.settle();
  const verdicts = [await site.judgeFiles(), await judgeTopic(site, kafka.brokers, TOPIC)];
  return site.outcome(cycles, verdicts, log);
}
