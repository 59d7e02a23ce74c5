import { eventually, temporaryFolder } from "../../program.ts";
import type { Bench, Figures } from "../measurement.ts";
import { costOf } from "../process_cost.ts";
import { Simulation } from "../simulation.ts";
import { newTopic } from "./topic.ts";
import type { StartPoller } from "./subject.ts";

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
  await sleep(warmUpMs, bench.signal);
  // Most poll at the full second: a window that began there would cut a round of polls in two.
  await sleep((1500 - Date.now() % 1000) % 1000, bench.signal);
  const before = await poller.look();
  const from = await snapshot(simulation, poller.pid);
  await sleep(windowMs, bench.signal);
  const to = await snapshot(simulation, poller.pid);
  const after = await poller.look();
  const polls = to.counts.polls - from.counts.polls;
  const seconds = (to.own.at - from.own.at) / 1000;
  const cpuMs = to.own.cpuMs - from.own.cpuMs;
  const delivered = difference(after.delivered, before.delivered);
  const perReading = (bytes: number) => delivered ? bytes / delivered : null;
  const wireBytes = to.counts.bytesIn + to.counts.bytesOut - from.counts.bytesIn -
    from.counts.bytesOut;
  return {
    cpu_ms_per_poll: cpuMs / polls,
    cpu_percent: cpuMs / seconds / 10,
    polls_per_s: polls / seconds,
    polls_done_percent: 100 * polls / seconds / devices,
    polls_failed: difference(after.failed, before.failed),
    requests_per_poll: (to.counts.requests - from.counts.requests) / polls,
    backlog: after.backlog,
    backlog_growth: difference(after.backlog, before.backlog),
    rss_mib: to.own.rssBytes / MEBIBYTE,
    rss_peak_mib: to.own.peakRssBytes / MEBIBYTE,
    storage_bytes_per_reading: perReading(to.own.storageBytes - from.own.storageBytes),
    written_bytes_per_reading: perReading(to.own.writtenBytes - from.own.writtenBytes),
    modbus_bytes_per_reading: perReading(wireBytes),
    readings_per_s: delivered === null ? null : delivered / seconds,
    all_polled_ms: allPolledMs,
    simulator_cpu_percent: (to.simulator.cpuMs - from.simulator.cpuMs) / seconds / 10,
    ...await poller.finish({ from: from.time, to: to.time, before, after, polls }),
  };
}

async function snapshot(simulation: Simulation, pid: number) {
  const counts = await simulation.counts();
  return { counts, own: costOf(pid), simulator: costOf(simulation.pid), time: Date.now() };
}

function difference(after: number | null, before: number | null): number | null {
  return after === null || before === null ? null : after - before;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve) => setTimeout(resolve, ms));
}
