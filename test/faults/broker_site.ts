import { delay } from "../../lib/backoff.ts";
import { freePorts } from "../../scripts/services/free_ports.ts";
import type { Kafka, startKafka } from "../../scripts/services.ts";
import { asAdmin, startWarmKafka } from "../outputs/broker.ts";
import type { CollectorProcess } from "./collector_process.ts";
import { type Outcome, Violation } from "./experiment.ts";
import { Footprint } from "./footprint.ts";
import { KafkaProxy } from "./kafka_proxy.ts";
import type { Sabotage } from "./sabotage.ts";
import { Site } from "./site.ts";
import { judgeTopic } from "./topic.ts";

/** Longer than any recovery takes on a busy machine. */
const DEADLINE_MS = 120_000;
const LOOK_AGAIN_MS = 20;
/** A broken collector may never deliver again: it is given a while. */
const SABOTAGED_MS = 1000;

/** The topic of every experiment with a broker alone. */
export const TOPIC = "readings";

/** What a site with a broker is made of. */
export interface BrokerSiteOptions {
  /** Configuration keys over the usual ones. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly sabotage?: Sabotage | undefined;
  readonly kafka?: Parameters<typeof startKafka>[0];
}

/** A site that delivers to a broker of its own, through a proxy. */
export class BrokerSite implements AsyncDisposable {
  readonly kafka: Kafka;
  readonly proxy: KafkaProxy;
  readonly site: Site;
  readonly #isSabotaged: boolean;
  #peakMib = 0;
  readonly #stack: AsyncDisposable;

  private constructor(
    { kafka, proxy, site }: Pick<BrokerSite, "kafka" | "proxy" | "site">,
    isSabotaged: boolean,
    stack: AsyncDisposable,
  ) {
    this.#isSabotaged = isSabotaged;
    this.kafka = kafka;
    this.proxy = proxy;
    this.site = site;
    this.#stack = stack;
  }

  /** Starts all of it but the collector. */
  static async make(options: BrokerSiteOptions = {}): Promise<BrokerSite> {
    await using stack = new AsyncDisposableStack();
    const [port = 0] = freePorts(1);
    const proxy = stack.use(new KafkaProxy(port));
    const kafka = stack.use(await startWarmKafka({ ...options.kafka, proxy: port }));
    proxy.leadTo(kafka.proxiedPort);
    const site = stack.use(
      await Site.make({
        sabotage: options.sabotage,
        settings: {
          "collect.outputs": ["kafka"],
          "kafka.brokers": [proxy.address],
          "kafka.topic": TOPIC,
          "kafka.timeout_ms": 1000,
          ...options.settings,
        },
      }),
    );
    const isSabotaged = options.sabotage !== undefined;
    return new BrokerSite({ kafka, proxy, site }, isSabotaged, stack.move());
  }

  /**
   * Runs a collector while `job` does what it does to it; then lets it deliver the rest.
   *
   * @throws {Violation} it takes up more and more memory, or files
   */
  async whileCollecting(
    job: (collector: CollectorProcess) => Promise<void>,
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    {
      await using collector = this.site.start(env);
      await collector.commits(3);
      this.site.recovered(collector);
      // A fault before it has ever connected would be no fault of a delivery.
      await deliversAgain(this.site, this.kafka.brokers);
      using footprint = new Footprint(collector.pid);
      footprint.settled();
      await job(collector);
      this.#peakMib = Math.max(this.#peakMib, footprint.peakMib);
      footprint.requireBounded();
      await collector.stop();
    }
    await this.site.settle();
  }

  /**
   * Waits until something is delivered again.
   *
   * @throws {Violation} when nothing is
   */
  async deliversAgain(): Promise<void> {
    if (this.#isSabotaged) return await delay(SABOTAGED_MS);
    await deliversAgain(this.site, this.kafka.brokers);
  }

  /** Judges the topic. */
  async outcome(cycles: number, log: (line: string) => void): Promise<Outcome> {
    const verdicts = [await judgeTopic(this.site, this.kafka.brokers, TOPIC)];
    return { ...this.site.outcome(cycles, verdicts, log), peakMib: this.#peakMib };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

/**
 * Waits until the topic of a broker has more than now.
 *
 * @throws {Violation} when nothing comes
 */
export async function deliversAgain(site: Site, brokers: string): Promise<void> {
  const startedAt = performance.now();
  const before = await endOf(brokers);
  while (await endOf(brokers) === before) {
    if (performance.now() - startedAt > DEADLINE_MS) {
      throw new Violation(`Nothing was delivered within ${DEADLINE_MS} ms after the fault`);
    }
    await delay(LOOK_AGAIN_MS);
  }
  site.noteRecovery(performance.now() - startedAt);
}

/** Where the topic ends: a collector without transactions moves that too. */
async function endOf(brokers: string): Promise<string> {
  for (;;) {
    try {
      return await asAdmin(
        brokers,
        async (admin) => JSON.stringify(await admin.fetchTopicOffsets(TOPIC)),
      );
    } catch {
      // The broker is about to come back.
      await delay(LOOK_AGAIN_MS);
    }
  }
}
