import { delay } from "../../../lib/backoff.ts";
import { type Kafka, startKafkaCluster } from "../../../scripts/services.ts";
import { Chance } from "../../modbus/chance.ts";
import { asAdmin, createTopic, until } from "../../outputs/broker.ts";
import { deliversAgain, TOPIC } from "../broker_site.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";
import { Site } from "../site.ts";
import { judgeTopic } from "../topic.ts";

const BROKERS = 3;
const DOWN_MS = 8000;
/** Where the readings are, and where the brokers keep transactions and positions. */
const TOPICS = [TOPIC, "__transaction_state", "__consumer_offsets"];

/** One of several brokers dies: its partitions and its coordinators move to another. */
export const leaderChange: Experiment = {
  number: 33,
  name: `one of ${BROKERS} brokers is killed, leaders and coordinators move`,
  // Three brokers are too much for a gate on a small machine.
  gateCycles: 0,
  fullCycles: 50,
  run,
};

async function run({ cycles, seed, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  const chance = new Chance(seed);
  await using stack = new AsyncDisposableStack();
  const cluster = await startKafkaCluster(BROKERS);
  for (const broker of cluster) stack.use(broker);
  const [first] = cluster;
  if (!first) throw new Error("Cannot start any broker");
  await createTopic(first.brokers, TOPIC, {}, { replicationFactor: BROKERS });
  await using site = await Site.make({
    sabotage: sabotage ? "swallow_errors" : undefined,
    settings: {
      "collect.outputs": ["kafka"],
      "kafka.brokers": cluster.map(({ brokers }) => brokers),
      "kafka.topic": TOPIC,
      "kafka.timeout_ms": 1000,
    },
  });
  {
    await using collector = site.start();
    await collector.commits(3);
    site.recovered(collector);
    await deliversAgain(site, first.brokers);
    for (let cycle = 0; cycle < cycles; cycle++) {
      signal.throwIfAborted();
      await delay(chance.below(300));
      if (sabotage) await fellMost(cluster);
      else await changeLeader(cluster, cycle, site);
    }
    await collector.stop();
  }
  await site.settle();
  return site.outcome(cycles, [await judgeTopic(site, first.brokers, TOPIC)], log);
}

/** Kills the broker that leads the topic, and starts it again when something was done without it. */
async function changeLeader(
  cluster: readonly Kafka[],
  cycle: number,
  site: Site,
): Promise<void> {
  const asked = cluster[cycle % cluster.length];
  if (!asked) return;
  const leader = await leaderOf(asked.brokers);
  // Each second time another one: then coordinators move.
  const victim = cluster[(leader - 1 + cycle % 2) % cluster.length];
  const survivor = cluster.find((broker) => broker !== victim);
  if (!victim || !survivor) return;
  await victim.kill();
  await deliversAgain(site, survivor.brokers);
  await victim.restart();
  await until(() => isWhole(survivor.brokers), "all copies are in step again");
}

/** More than the client gets over by itself: a collector that takes errors for success loses. */
async function fellMost(cluster: readonly Kafka[]): Promise<void> {
  const victims = cluster.slice(1);
  await Promise.all(victims.map((victim) => victim.kill()));
  await delay(DOWN_MS);
  await Promise.all(victims.map((victim) => victim.restart()));
}

async function leaderOf(brokers: string): Promise<number> {
  const { topics } = await asAdmin(
    brokers,
    (admin) => admin.fetchTopicMetadata({ topics: [TOPIC] }),
  );
  return topics[0]?.partitions[0]?.leader ?? 1;
}

async function isWhole(brokers: string): Promise<boolean> {
  const { topics } = await asAdmin(
    brokers,
    (admin) => admin.fetchTopicMetadata({ topics: TOPICS }),
  );
  return topics.every(({ partitions }) => partitions.every(({ isr }) => isr.length === BROKERS));
}
