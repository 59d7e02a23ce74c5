import { merge, object } from "@optique/core/constructs";
import { withDefault } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { defineCommand } from "../lib/cli/define.ts";
import { errorText, ExitCode } from "../lib/cli/mod.ts";
import { Clock } from "../lib/clock.ts";
import { millisecondsValue, say } from "../lib/cli/values.ts";
import { configOf, configOptions } from "../lib/compose/options.ts";
import { openBuffer } from "../lib/compose/buffer.ts";
import { drainsOf } from "../lib/compose/delivery.ts";
import { logOf } from "../lib/compose/log.ts";
import { stopSignals } from "../lib/signals.ts";
import { messageOf, RefusedError, TryLaterError } from "../lib/core/mod.ts";

/** `sunspool drain`. */
export const command = defineCommand({
  name: "drain",
  summary: "Deliver what the buffer holds, then stop",
  description:
    "Delivers every reading in the buffer to the configured outputs and exits 0 when none is left. " +
    "When an output cannot be reached in time, everything is kept and the exit code is 75.",
  examples: [
    ["sunspool drain --config sunspool.toml", "after poll --buffer, from cron or a timer"],
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
    configOptions,
  ),
  async run({ giveUp, ...flags }, io) {
    const { stopping, first } = stopSignals();
    const config = configOf(flags, io);
    await using buffer = openBuffer(config, "drain");
    using clock = await Clock.start();
    let delivered = 0;
    const drains = drainsOf(config, buffer, logOf(config), clock, {
      observeReadings: (_output, result, count) => {
        if (result === "delivered") delivered += count;
      },
      observeBatch() {},
    });
    await using outputs = new AsyncDisposableStack();
    for (const { output } of drains) outputs.use(output);
    const ends = await Promise.allSettled(drains.map((drain) => drain.finish(giveUp, stopping)));
    const { backlog, deadLetters } = await buffer.stats();
    const left = Object.entries(backlog).map(([output, rows]) => `${output} has ${rows} left`);
    io.err(`${delivered} delivered, ${left.join(", ")}, ${deadLetters} dead letters\n`);
    if (stopping.aborted) {
      return await first === "SIGINT" ? ExitCode.interrupted : ExitCode.terminated;
    }
    const failures = ends.flatMap((end) => end.status === "rejected" ? [end.reason] : []);
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
  },
});
