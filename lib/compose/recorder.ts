import { type Config, settings } from "../config/mod.ts";
import { ConfigError, messageOf } from "../core/mod.ts";
import type { Recorder } from "../modbus/mod.ts";
import { VERSION } from "../version.ts";
import { logOf } from "./log.ts";

const known = new WeakMap<Config, Recorder>();

/**
 * Where exchanges are recorded, by the configuration; the file is opened once, while files may be
 * written. Every line is written at once: whatever ends the process, the last one is there.
 *
 * @returns undefined = nothing is recorded
 * @throws {ConfigError} when the file cannot be written
 */
export function recorderOf(config: Config): Recorder | undefined {
  const file = config.get(settings.modbus.recordFile);
  if (file === undefined) return undefined;
  const recorder = known.get(config) ?? openRecorder(file, config);
  known.set(config, recorder);
  return recorder;
}

/** A configuration that comes after another goes on recording where that one did. */
export function keepRecorder(before: Config, after: Config): void {
  const recorder = known.get(before);
  if (recorder) known.set(after, recorder);
}

function openRecorder(path: string, config: Config): Recorder {
  let file: Deno.FsFile | undefined;
  const write = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; file && sent < bytes.length;) sent += file.writeSync(bytes.subarray(sent));
  };
  try {
    file = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
    write(`# sunspool ${VERSION}, ${new Date().toISOString()}\n`);
  } catch (cause) {
    throw new ConfigError(`Cannot record to "${path}": ${messageOf(cause)}`, { cause });
  }
  return (line) => {
    try {
      write(line);
    } catch (error) {
      // A full disk ends the recording, not the reading.
      file = undefined;
      logOf(config)("error", `recording ends: ${messageOf(error)}`, { file: path });
    }
  };
}
