import { delay } from "../../../lib/backoff.ts";
import { asAdmin, createTopic, until } from "../../outputs/broker.ts";
import { readTopic } from "../../outputs/kcat.ts";
import { Chance } from "../../modbus/chance.ts";
import { BrokerSite, TOPIC } from "../broker_site.ts";
import type { CollectorProcess } from "../collector_process.ts";
import { type Delivered, readContainer } from "../delivered.ts";
import type { Experiment, ExperimentOptions, Outcome } from "../experiment.ts";
import { judge } from "../judge.ts";
import { COLLECTOR } from "../site.ts";

/** Of a week and a day: what the broker forgets is the same. */
const SOON = {
  "transactional.id.expiration.ms": "1000",
  "transaction.remove.expired.transaction.cleanup.interval.ms": "200",
  "producer.id.expiration.ms": "1000",
  "producer.id.expiration.check.interval.ms": "200",
};
const FORGOTTEN_MS = 3000;

/** A reading, and whether the broker had only begun to have it when the topic was deleted. */
type Kept = Delivered & { readonly isPending?: boolean };

/** What the broker forgets while the collector stands still. */
const FORGETS: readonly ((work: BrokerSite, kept: Kept[]) => Promise<void>)[] = [
  // The producer, its sequence and its transactional id.
  () => delay(FORGOTTEN_MS),
  // The topic, and with it the group's position.
  async ({ kafka: { brokers } }, kept) => {
    kept.push(...await readAtRest(brokers));
    await asAdmin(brokers, (admin) => admin.deleteTopics({ topics: [TOPIC] }));
    await until(async () => {
      await createTopic(brokers, TOPIC);
      return true;
    }, "the topic is made again");
  },
  // The group's position alone.
  ({ kafka }) =>
    asAdmin(kafka.brokers, async (admin) => {
      // Not while a transaction holds it: then there is nothing to forget.
      await admin.deleteGroups([`sunspool-${COLLECTOR}`]).catch(() => {});
    }),
];

/** Producer, topic or position are no longer known to the broker. */
export const forgetfulBroker: Experiment = {
  number: 13,
  name: "the broker forgets producer, topic or position",
  gateCycles: 1,
  fullCycles: 20,
  run,
};

async function run({ cycles, seed, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  const chance = new Chance(seed);
  const kept: Kept[] = [];
  await using work = await BrokerSite.make({ kafka: { properties: SOON } });
  await work.whileCollecting(async (collector) => {
    for (let cycle = 0; cycle < cycles; cycle++) {
      signal.throwIfAborted();
      await work.deliversAgain();
      await delay(chance.below(300));
      await standingStill(collector, async () => {
        // A judge who knows nothing of what was in the deleted topic has to miss it.
        const which = sabotage ? 1 : cycle % FORGETS.length;
        await FORGETS[which]?.(work, sabotage ? [] : kept);
      });
      await work.deliversAgain();
    }
  });
  const { site, kafka } = work;
  const delivered = withoutAnnounced(settled([...kept, ...await readAll(kafka.brokers)]));
  const { committed, devices } = site;
  return site.outcome(cycles, [judge({ committed, delivered, devices, output: "kafka" })], log);
}

async function standingStill({ pid }: CollectorProcess, job: () => Promise<void>): Promise<void> {
  Deno.kill(pid, "SIGSTOP");
  try {
    await job();
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
}

async function readAll(
  brokers: string,
  isolation?: Parameters<typeof readTopic>[3],
): Promise<Delivered[]> {
  const records = await readTopic("kcat", brokers, TOPIC, isolation);
  return records.flatMap(({ value }) => readContainer(value));
}

/** The topic once nothing comes any more, behind it what belongs to a transaction that is open. */
async function readAtRest(brokers: string): Promise<Kept[]> {
  let found: Kept[] | undefined;
  await until(async () => {
    const before = found?.length;
    const committed = await readAll(brokers);
    const all = await readAll(brokers, "read_uncommitted");
    const names = new Set(committed.map(nameOf));
    const pending = all.filter((one) => !names.has(nameOf(one)));
    found = [...committed, ...pending.map((one) => ({ ...one, isPending: true }))];
    await delay(300);
    return before === found.length;
  }, "the topic is at rest");
  return found ?? [];
}

function nameOf({ epoch, position }: Delivered): string {
  return `${epoch}/${position}`;
}

/** A transaction that was open is ended later: what was in it counts unless it came again. */
function settled(kept: readonly Kept[]): Delivered[] {
  const names = new Set(kept.filter(({ isPending }) => !isPending).map(nameOf));
  const pending = new Set<string>();
  return kept.filter((one) => {
    if (!one.isPending) return true;
    const isKnown = names.has(nameOf(one)) || pending.has(nameOf(one));
    pending.add(nameOf(one));
    return !isKnown;
  });
}

/**
 * What cannot be proved to have arrived is sent again, and an event says so: with the topic its
 * proof is gone. Such a reading may be there twice.
 */
function withoutAnnounced(delivered: readonly Delivered[]): Delivered[] {
  const announced = delivered.flatMap(({ kind, record }) => {
    const [, first, last] = /positions (\d+)–(\d+) are sent again/.exec(JSON.stringify(record)) ??
      [];
    return kind === "event" && first ? [{ first: Number(first), last: Number(last) }] : [];
  });
  const seen = new Set<string>();
  return delivered.filter((one) => {
    const { position } = one;
    const isAnnounced = announced.some(({ first, last }) => first <= position && position <= last);
    if (isAnnounced && seen.has(nameOf(one))) return false;
    seen.add(nameOf(one));
    return true;
  });
}
