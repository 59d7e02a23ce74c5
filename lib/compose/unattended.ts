import { pause } from "../backoff.ts";
import { exitCodeOf } from "../cli/exit.ts";
import { errorText, ExitCode, type Io } from "../cli/mod.ts";
import { millisecondsValue, path, say } from "../cli/values.ts";
import { section } from "../cli/word_groups.ts";
import { flag, option, optional, type ValueOf } from "../cli/words.ts";
import { RunFigures } from "../run_figures.ts";
import { type StopSignals, stopSignals } from "../signals.ts";
import { publishFile, textOf } from "./published_file.ts";

/** Options of commands that cron and timers start. */
export const unattendedOptions = section("From cron or timers", {
  jitter: optional(option("--jitter", millisecondsValue, {
    description: say(
      "Wait a random time first, at most so long: not all of a fleet starts at once",
    ),
  })),
  textfile: optional(option("--textfile", path({ metavar: "FILE" }), {
    description: say("Write there how it went, for the textfile collector of node_exporter"),
  })),
  verbose: flag("--verbose", "-v", {
    description: say("Say how it went also where all is well and standard error is no terminal"),
  }),
});

/** What {@linkcode unattendedOptions} gives. */
export type UnattendedOptions = ValueOf<typeof unattendedOptions>;

/** A run under way. */
export interface Run extends StopSignals {
  /** Takes what the textfile tells, if there is to be one. */
  readonly figures: RunFigures;
  /** Waits as `--jitter` says; true when a signal came meanwhile. */
  isStoppedBeforeStart(): Promise<boolean>;
  /** How it went, in a line; one that is `routine` is told to those who watch, or asked, alone. */
  summary(line: string, importance: "routine" | "always"): void;
}

/**
 * Runs a command as cron and timers want it: not all at once, silent when all is well, and leaving a
 * file that can be watched however it ended.
 *
 * @param work gives the exit code
 */
export async function runUnattended(
  command: string,
  { jitter, textfile, verbose }: UnattendedOptions,
  io: Io,
  work: (run: Run) => Promise<number>,
): Promise<number> {
  const signals = stopSignals();
  const figures = new RunFigures(command);
  let startedAt = performance.now();
  const isWatched = verbose || Deno.stderr.isTerminal();
  const run: Run = {
    ...signals,
    figures,
    isStoppedBeforeStart: async () => {
      const wait = Math.random() * (jitter ?? 0);
      if (jitter !== undefined && isWatched) io.err(`starts in ${(wait / 1000).toFixed(1)} s\n`);
      await pause(wait, signals.stopping);
      startedAt = performance.now();
      return signals.stopping.aborted;
    },
    summary: (line, importance) => {
      if (isWatched || importance === "always") io.err(`${line}\n`);
    },
  };
  const end = await ended(work(run));
  if (textfile !== undefined) {
    const seconds = (performance.now() - startedAt) / 1000;
    const { exitCode } = end;
    try {
      const before = await textOf(textfile);
      await publishFile(textfile, figures.render({ exitCode, seconds, now: Date.now() }, before));
    } catch (error) {
      if (!("error" in end)) throw error;
      io.err(errorText(error, false));
    }
  }
  if ("error" in end) throw end.error;
  return end.exitCode;
}

/** The exit code of whatever a signal stopped. */
export async function stoppedBy({ first }: Pick<StopSignals, "first">): Promise<number> {
  return await first === "SIGINT" ? ExitCode.interrupted : ExitCode.terminated;
}

async function ended(
  work: Promise<number>,
): Promise<{ readonly exitCode: number; readonly error?: unknown }> {
  try {
    return { exitCode: await work };
  } catch (error) {
    return { exitCode: exitCodeOf(error), error };
  }
}
