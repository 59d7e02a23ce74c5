import {
  ConfigError,
  messageOf,
  RefusedError,
  TransportError,
  TryLaterError,
  UsageError,
} from "../core/mod.ts";
import { printableLines } from "../printable.ts";

/** The exit codes of every command. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  partly: 3,
  refused: 4,
  tryLater: 75,
  config: 78,
  interrupted: 130,
  terminated: 143,
} as const;

/** What each exit code means, for `help exit-codes`. */
export const EXIT_CODES: readonly (readonly [number, string])[] = [
  [ExitCode.done, "done"],
  [ExitCode.failed, "failed"],
  [ExitCode.usage, "wrong usage"],
  [ExitCode.partly, "partly failed: some devices or batches"],
  [ExitCode.refused, "refused: authentication or permission"],
  [ExitCode.tryLater, "try later: locked, full, broker down"],
  [ExitCode.config, "configuration invalid"],
  [ExitCode.interrupted, "stopped by Ctrl-C before finishing"],
  [ExitCode.terminated, "stopped by SIGTERM before finishing"],
];

/** The exit code that an error asks for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return ExitCode.usage;
  if (error instanceof ConfigError) return ExitCode.config;
  if (error instanceof RefusedError) return ExitCode.refused;
  if (error instanceof TransportError && error.fault === "denied") return ExitCode.refused;
  if (error instanceof TryLaterError) return ExitCode.tryLater;
  return ExitCode.failed;
}

/**
 * An error as the user sees it: its message; the way it came only when debugging. What a device or
 * a server has put into it does not steer the terminal.
 *
 * @param debug with the stack and the causes
 */
export function errorText(error: unknown, debug: boolean): string {
  if (!debug) return printableLines(`error: ${messageOf(error)}\n`);
  const stack = error instanceof Error ? error.stack ?? error.message : String(error);
  const cause = error instanceof Error && error.cause !== undefined
    ? `caused by: ${errorText(error.cause, true)}`
    : "";
  return printableLines(`error: ${stack}\n${cause}`);
}
