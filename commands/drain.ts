import { defineCommand } from "../lib/cli/define.ts";
import { errorText, ExitCode, type Io } from "../lib/cli/mod.ts";
import { millisecondsValue, say } from "../lib/cli/values.ts";
import { merge, object } from "../lib/cli/word_groups.ts";
import { option, withDefault } from "../lib/cli/words.ts";
import { Clock } from "../lib/clock.ts";
import { configOf, type ConfigOptions, configOptions } from "../lib/compose/options.ts";
import { notYetMade, openBuffer } from "../lib/compose/buffer.ts";
import { drainsOf } from "../lib/compose/delivery.ts";
import { logOf } from "../lib/compose/log.ts";
import {
  type Run,
  runUnattended,
  stoppedBy,
  unattendedOptions,
} from "../lib/compose/unattended.ts";
import { messageOf, RefusedError, TryLaterError } from "../lib/core/mod.ts";

/** `sunspool drain`. */
export const command = defineCommand({
  name: "drain",
  summary: "Deliver what the buffer holds, then stop",
  description:
    "Delivers every reading in the buffer to the configured outputs and exits 0 when none is left. " +
    "When an output cannot be reached in time, everything is kept and the exit code is 75. Where " +
    "standard error is no terminal, nothing is said when all went well.",
  examples: [
    [
      "sunspool drain --config sunspool.toml --jitter 15s",
      "after poll --buffer, from cron or a timer",
    ],
    ["sunspool drain --config sunspool.toml --give-up 5s", "do not wait for a broker that is down"],
  ],
  needs: { net: "always", read: "always", write: "always", sys: "always" },
  parser: merge(
    object({
      giveUp: withDefault(
        option("--give-up", millisecondsValue, {
          description: say("How long an output may fail before this run gives up"),
        }),
        30_000,
      ),
    }),
    unattendedOptions,
    configOptions,
  ),
  run: (options, io) =>
    runUnattended("drain", options, io, (run) => drainAll(run, options.giveUp, options, io)),
});

async function drainAll(run: Run, giveUp: number, flags: ConfigOptions, io: Io): Promise<number> {
  const { stopping, figures } = run;
  const config = configOf(flags, io);
  if (await run.isStoppedBeforeStart()) return await stoppedBy(run);
  const nothing = notYetMade(config);
  if (nothing !== undefined) {
    for (const { name } of config.outputs()) figures.readings(name, "delivered", 0);
    // Where the path is wrong, it is so every time: silence would hide it.
    run.summary(`nothing to deliver: ${nothing}`, "always");
    return ExitCode.done;
  }
  await using buffer = openBuffer(config, "drain");
  using clock = await Clock.start();
  let delivered = 0;
  const drains = drainsOf(config, {
    buffer,
    clock,
    log: logOf(config),
    observeReadings: (output, result, count) => {
      figures.readings(output, result, count);
      if (result === "delivered") delivered += count;
    },
    observeBatch() {},
    observeFailure() {},
  });
  await using outputs = new AsyncDisposableStack();
  for (const { output } of drains) {
    outputs.use(output);
    figures.readings(output.name, "delivered", 0);
  }
  const ends = await Promise.allSettled(drains.map((drain) => drain.finish(giveUp, stopping)));
  const failures = ends.flatMap((end) => end.status === "rejected" ? [end.reason] : []);
  const stats = await buffer.stats();
  figures.buffer(stats, Date.now());
  const left = Object.entries(stats.backlog).map(([output, rows]) => `${output} has ${rows} left`);
  run.summary(
    `${delivered} delivered, ${left.join(", ")}, ${stats.deadLetters} dead letters`,
    failures.length === 0 ? "routine" : "always",
  );
  if (stopping.aborted) return await stoppedBy(run);
  if (failures.length > 0 && failures.length < ends.length) {
    for (const failure of failures) io.err(errorText(failure, false));
    return ExitCode.partly;
  }
  for (const failure of failures) {
    throw failure instanceof RefusedError
      ? failure
      : new TryLaterError(messageOf(failure), { cause: failure });
  }
  return ExitCode.done;
}
