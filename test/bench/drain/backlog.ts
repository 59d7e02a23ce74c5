import { start } from "../../program.ts";
import { lookAt } from "../collect/sunspool.ts";
import type { Bench } from "../measurement.ts";
import { Simulation } from "../simulation.ts";

const DEVICES = 50;
const INTERVAL_MS = 20;
const LOOK_MS = 200;
const DEADLINE_MS = 600_000;
/** Nobody listens there. */
const NO_BROKER = "127.0.0.1:1";

/** Where its rows are to go: each says so itself. */
export const BACKLOG_TOPIC = "bench-backlog";
/** Whose they are. */
export const COLLECTOR = "bench";

/** What a collector left that could not deliver. */
export interface Backlog {
  /** The buffer's file. */
  readonly path: string;
  readonly readings: number;
}

const made = new WeakMap<Bench, Promise<Backlog>>();

/** A backlog of as many readings as the plan wants, or somewhat more; made once for all trials. */
export function backlogOf(bench: Bench): Promise<Backlog> {
  const known = made.get(bench) ?? make(bench);
  made.set(bench, known);
  return known;
}

/** Has a collector poll fast, with a broker that is not there. */
async function make({ folder, plan, signal }: Bench): Promise<Backlog> {
  await using simulation = await Simulation.of(DEVICES);
  const devices = simulation.endpoints.map((endpoint) => `[[devices]]\nendpoint = "${endpoint}"\n`);
  await Deno.writeTextFile(
    `${folder}/backlog.toml`,
    `collector.id = "${COLLECTOR}"\nmetrics.port = 0\n` +
      `kafka.brokers = ["${NO_BROKER}"]\nkafka.topic = "${BACKLOG_TOPIC}"\n` +
      `poller.poll_interval_ms = ${INTERVAL_MS}\ncollect.drain_deadline_ms = 0\n` +
      `buffer.max_bytes = "16 GiB"\n${devices.join("")}`,
  );
  await using collect = start(["collect", "--config", "backlog.toml"], { cwd: folder });
  const [, address = ""] = await collect.told(/metrics are served.*"address":"([^"]+)"/);
  const giveUpAt = performance.now() + DEADLINE_MS;
  while ((await lookAt(address, "kafka")).backlog < plan.backlog) {
    if (performance.now() > giveUpAt) throw new Error(`No backlog is made: ${collect.err}`);
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const { err } = await collect.stop();
  const [, left] = /left (\d+)/.exec(err) ?? [];
  if (left === undefined) throw new Error(`Cannot tell how much was left: ${err.slice(-500)}`);
  return { path: `${folder}/sunspec-buffer.sqlite`, readings: Number(left) };
}
