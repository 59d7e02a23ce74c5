import { type Config, settings } from "../config/mod.ts";
import { createLog, type Log, writeStderr } from "../log.ts";

/** The log as the configuration says: text on a terminal, JSON for journald and its like. */
export function logOf({ get }: Config): Log {
  return createLog({
    level: get(settings.log.level),
    format: get(settings.log.format) ?? (Deno.stderr.isTerminal() ? "text" : "json"),
    write: writeStderr,
  });
}
