import { type Experiment, type ExperimentOptions, type Outcome, Violation } from "../experiment.ts";
import { Site } from "../site.ts";

/** Twelve readings a poll. */
const DEVICES = ["1,103,160:5/1-3", "1,103,160:5/1-3"];
/** More than the cap holds. */
const READINGS = 5000;

/** An outage lasts longer than the buffer is large: the oldest readings go, and gaps tell of each. */
export const ownCap: Experiment = {
  number: 7,
  name: "the buffer's own cap",
  gateCycles: 2,
  fullCycles: 100,
  run,
};

async function run({ cycles, sabotage, signal, log }: ExperimentOptions): Promise<Outcome> {
  await using site = await Site.make({
    devices: DEVICES,
    settings: {
      "buffer.max_bytes": "1 MiB",
      // Registers are as long in the buffer as on the wire: nothing makes them smaller.
      "avro.registers": true,
      "poller.poll_interval_ms": 10,
      // The next start delivers: this one would wait for its next try first.
      "collect.drain_deadline_ms": 0,
    },
    sabotage: sabotage ? "hide_gaps" : undefined,
  });
  for (let cycle = 0; cycle < cycles; cycle++) {
    signal.throwIfAborted();
    await site.block();
    await using collector = site.start();
    const enough = site.committed.length + READINGS;
    while (site.committed.length < enough) {
      if (!await collector.commits(collector.commitCount + 1)) break;
    }
    site.recovered(collector);
    const code = await collector.stop();
    if (code !== 0) throw new Violation(`It ended with ${code}:\n${collector.log}`);
    await site.unblock();
    await site.settle();
  }
  const verdict = await site.judgeFiles();
  const { told, gapsRecorded } = verdict;
  if (verdict.committed === verdict.delivered) throw new Error("The cap was never reached");
  if (told !== gapsRecorded) throw new Violation(`${told} dropped, ${gapsRecorded} recorded`);
  return site.outcome(cycles, [verdict], log);
}
