import { temporaryFolder } from "../program.ts";
import { startSunspool } from "./collect/sunspool.ts";
import { newTopic } from "./collect/topic.ts";
import type { Bench, Figures, Measurement } from "./measurement.ts";
import { costOf } from "./process_cost.ts";
import { Simulation } from "./simulation.ts";
import { slope } from "./statistics.ts";

const DEVICES = 100;
const SAMPLES = 360;
const HOUR_MS = 3_600_000;
const MEBIBYTE = 2 ** 20;
/** Compiled code and caches settle for so long: a sixth of the time. */
const SETTLING = SAMPLES / 6;

/** Whether memory grows. */
export const memory: Measurement = {
  name: "memory",
  title: "Memory over an hour",
  ratio: "rss_slope_mib_per_h",
  isOnDemand: true,
  parts: [{
    about:
      `${DEVICES} devices into Kafka; resident memory is looked at ${SAMPLES} times. The slope is ` +
      "that of the straight line that fits best, without the first sixth of the time.",
    columns: [
      { key: "rss_slope_mib_per_h", title: "slope, MiB an hour", digits: 2 },
      { key: "rss_settled_mib", title: "RSS when settled, MiB", digits: 1 },
      { key: "rss_low_before_mib", title: "lowest in the first half of the rest", digits: 1 },
      { key: "rss_low_after_mib", title: "in the second", digits: 1 },
      { key: "rss_end_mib", title: "at the end", digits: 1 },
      { key: "rss_peak_mib", title: "peak", digits: 1 },
      { key: "minutes", title: "minutes", digits: 1 },
      { key: "backlog", title: "backlog at the end", digits: 0 },
    ],
  }],
  trials: () => [{
    row: `${DEVICES} devices`,
    subject: "sunspool into Kafka",
    needs: ["kafka"],
    run: watchMemory,
  }],
};

async function watchMemory(bench: Bench): Promise<Figures> {
  const { longMs } = bench.plan;
  using folder = temporaryFolder();
  await using simulation = await Simulation.of(DEVICES);
  await using poller = await startSunspool({
    endpoints: simulation.endpoints,
    folder: folder.path,
    kafka: await newTopic(await bench.kafka()),
  });
  const samples: [hours: number, mebibytes: number][] = [];
  const startedAt = performance.now();
  for (let i = 1; i <= SAMPLES; i++) {
    const due = startedAt + longMs * i / SAMPLES;
    await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    bench.signal.throwIfAborted();
    const { at, rssBytes } = costOf(poller.pid);
    samples.push([(at - startedAt) / HOUR_MS, rssBytes / MEBIBYTE]);
  }
  const settled = samples.slice(SETTLING);
  const half = settled.length / 2;
  const lowest = (some: typeof samples) => Math.min(...some.map(([, mebibytes]) => mebibytes));
  return {
    rss_slope_mib_per_h: slope(settled),
    rss_settled_mib: settled[0]?.[1] ?? null,
    rss_low_before_mib: lowest(settled.slice(0, half)),
    rss_low_after_mib: lowest(settled.slice(half)),
    rss_end_mib: settled.at(-1)?.[1] ?? null,
    rss_peak_mib: costOf(poller.pid).peakRssBytes / MEBIBYTE,
    minutes: longMs / 60_000,
    backlog: (await poller.look()).backlog,
  };
}
