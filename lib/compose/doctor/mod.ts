/**
 * Checks of everything that collecting rests on.
 *
 * @module
 */
import { readClockState } from "../../clock_state.ts";
import { type Config, obstaclesOf, warningsOf } from "../../config/mod.ts";
import type { Finding } from "../../core/mod.ts";
import { VERSION } from "../../version.ts";
import { examineBuffer } from "./buffer.ts";
import { examineDevices } from "./devices.ts";

/** What runs here. */
export function examineProgram(): Finding {
  return ok("program", `sunspool ${VERSION} on Deno ${Deno.version.deno}, ${Deno.build.target}`);
}

/** All checks of a configuration in order; each finding comes as soon as it is known. */
export async function* examine(config: Config, signal: AbortSignal): AsyncGenerator<Finding> {
  yield* examineConfig(config);
  yield await examineClock();
  yield* examineBuffer(config, Date.now());
  yield* examineDevices(config, signal);
  for (const output of config.outputs()) yield* output.examine(config.get, signal);
}

function* examineConfig(config: Config): Generator<Finding> {
  yield ok("configuration", `${config.file ?? "no file, defaults only"} is valid`);
  for (const text of [...warningsOf(config), ...obstaclesOf(config)]) {
    yield { subject: "configuration", state: "warning", text, advice: undefined };
  }
}

async function examineClock(): Promise<Finding> {
  const synced = await readClockState();
  const time = new Date().toISOString();
  if (synced === true) return ok("clock", `${time}, synchronised`);
  if (synced === null) return ok("clock", `${time}; no time service tells whether it is right`);
  const advice = "let systemd-timesyncd, chrony or ntpd set it; readings are marked until then";
  return { subject: "clock", state: "warning", text: `${time} is not synchronised`, advice };
}

function ok(subject: string, text: string): Finding {
  return { subject, state: "ok", text, advice: undefined };
}
