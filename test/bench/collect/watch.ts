import { delay } from "../../../lib/backoff.ts";
import { eventually, temporaryFolder } from "../../program.ts";
import type { Bench, Figures } from "../measurement.ts";
import { type Cost, costOf } from "../process_cost.ts";
import { Simulation } from "../simulation.ts";
import { newTopic } from "./topic.ts";
import type { Counts } from "../simulator/protocol.ts";
import type { StartPoller, Window } from "./subject.ts";

const DEADLINE_MS = 180_000;
const MEBIBYTE = 2 ** 20;

/** What is watched. */
export interface Watched {
  readonly devices: number;
  /** Whether it gets a topic. */
  readonly intoKafka: boolean;
  readonly start: StartPoller;
}

/** Has something poll devices each second, and watches it for a while once it is under way. */
export async function watch(
  bench: Bench,
  { devices, intoKafka, start }: Watched,
): Promise<Figures> {
  const { warmUpMs, windowMs } = bench.plan;
  using folder = temporaryFolder();
  await using simulation = await Simulation.of(devices);
  const kafka = intoKafka ? await newTopic(await bench.kafka()) : undefined;
  const startedAt = performance.now();
  await using poller = await start({
    endpoints: simulation.endpoints,
    folder: folder.path,
    kafka,
  });
  await eventually(
    `all ${devices} devices are polled`,
    async () => (await simulation.counts()).polledDevices === devices,
    () => "",
    DEADLINE_MS,
  );
  const allPolledMs = performance.now() - startedAt;
  await delay(warmUpMs, bench.signal);
  // Most poll at the full second: a window that began there would cut a round of polls in two.
  await delay((1500 - Date.now() % 1000) % 1000, bench.signal);
  const before = await poller.look();
  const from = await snapshot(simulation, poller.pid);
  await delay(windowMs, bench.signal);
  const to = await snapshot(simulation, poller.pid);
  const after = await poller.look();
  const window = { from: from.time, to: to.time, before, after };
  return {
    ...costs(from, to, devices),
    ...readings(from, to, window),
    all_polled_ms: allPolledMs,
    ...await poller.finish(window),
  };
}

/** Everything as it is at one moment. */
interface Snapshot {
  readonly counts: Counts;
  readonly own: Cost;
  readonly simulator: Cost;
  /** Milliseconds since 1970. */
  readonly time: number;
}

async function snapshot(simulation: Simulation, pid: number): Promise<Snapshot> {
  const counts = await simulation.counts();
  return { counts, own: costOf(pid), simulator: costOf(simulation.pid), time: Date.now() };
}

/** What polling took, as the kernel and the devices saw it. */
function costs(from: Snapshot, to: Snapshot, devices: number): Figures {
  const polls = to.counts.polls - from.counts.polls;
  if (polls === 0) throw new Error("Nothing was polled within the window");
  const seconds = (to.own.at - from.own.at) / 1000;
  const cpuMs = to.own.cpuMs - from.own.cpuMs;
  return {
    cpu_ms_per_poll: cpuMs / polls,
    cpu_percent: cpuMs / seconds / 10,
    polls_per_s: polls / seconds,
    polls_done_percent: 100 * polls / seconds / devices,
    requests_per_poll: (to.counts.requests - from.counts.requests) / polls,
    rss_mib: to.own.rssBytes / MEBIBYTE,
    rss_peak_mib: to.own.peakRssBytes / MEBIBYTE,
    simulator_cpu_percent: (to.simulator.cpuMs - from.simulator.cpuMs) / seconds / 10,
  };
}

/** What became of the readings, as the poller tells, and their bytes. */
function readings(from: Snapshot, to: Snapshot, { before, after }: Window): Figures {
  const delivered = difference(after.delivered, before.delivered);
  const perReading = (of: (snapshot: Snapshot) => number) =>
    delivered ? (of(to) - of(from)) / delivered : null;
  return {
    polls_failed: difference(after.failed, before.failed),
    backlog: after.backlog,
    backlog_growth: difference(after.backlog, before.backlog),
    readings_per_s: delivered === null ? null : delivered / (to.own.at - from.own.at) * 1000,
    storage_bytes_per_reading: perReading(({ own }) => own.storageBytes),
    written_bytes_per_reading: perReading(({ own }) => own.writtenBytes),
    modbus_bytes_per_reading: perReading(({ counts }) => counts.bytesIn + counts.bytesOut),
  };
}

function difference(after: number | null, before: number | null): number | null {
  return after === null || before === null ? null : after - before;
}
