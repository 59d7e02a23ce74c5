import { defineCommand } from "../lib/cli/define.ts";
import { object } from "../lib/cli/word_groups.ts";
import { configOf, configOptions, recordOptions, shardOptions } from "../lib/compose/options.ts";
import { Collector } from "../lib/compose/collector.ts";
import type { Config } from "../lib/config/mod.ts";
import { logOf } from "../lib/compose/log.ts";
import type { Log } from "../lib/log.ts";
import { reloadSignals, stopSignals } from "../lib/signals.ts";

const ROOT = "collect runs as root and needs none of its rights; see: sunspool systemd install";

/** `sunspool collect`. */
export const command = defineCommand({
  name: "collect",
  summary: "Poll all devices, keep every reading, deliver each one exactly once",
  description:
    "Polls the devices of the configuration and those its search finds, buffers every reading on disk " +
    "and delivers it to the configured outputs: to Kafka when brokers are given, else to files. " +
    "SIGTERM or Ctrl-C stops polling, delivers what is left until the drain deadline, and exits 0. " +
    "SIGHUP reads the configuration anew.",
  examples: [
    ["sunspool collect --config sunspool.toml", "as a service would"],
    [
      "SUNSPEC_SUBNET=192.168.1.0/24 sunspool collect",
      "search a network; container files in ./readings",
    ],
    ["sunspool collect --config plant.toml --shard 2/3", "the second of three over one fleet"],
    ["sunspool collect --set poller.poll_interval_ms=5000", "one key different from the file"],
  ],
  needs: { net: "always", read: "always", write: "always", sys: "always" },
  opensDevices: true,
  parser: object({ shard: shardOptions, config: configOptions, record: recordOptions }),
  async run({ config: flags, record, shard }, io) {
    const signals = stopSignals();
    const load = () => configOf({ ...flags, ...record, ...shard }, io);
    const config = load();
    let write = logOf(config);
    const log: Log = (...line) => write(...line);
    const warnings = io.isRoot ? [ROOT] : [];
    const collector = new Collector(config, log);
    const reload = {
      signals: reloadSignals(),
      load,
      adopted: (next: Config) => void (write = logOf(next)),
    };
    const report = await collector.run(signals, warnings, reload);
    const { devices, readings, delivered, backlog } = report;
    const outputs = Object.keys(backlog).map((output) =>
      `${output} delivered ${delivered[output] ?? 0}, left ${backlog[output]}`
    );
    log("info", `stopped: devices ${devices}, readings ${readings}, ${outputs.join(", ")}`);
  },
});
