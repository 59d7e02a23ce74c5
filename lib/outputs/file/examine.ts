import { statfsSync } from "node:fs";
import { type Finding, messageOf } from "../../core/mod.ts";
import { existingFolder, tryToWrite } from "../../folder.ts";

/** Below this a folder is as good as full. */
const LITTLE_BYTES = 100 * 1024 * 1024;

/**
 * Whether files can be made in the folder, and for how much there is room. A folder that is not there
 * is not made: it would belong to whoever asks, not to whoever collects.
 */
export async function* examineFolder(directory: string): AsyncGenerator<Finding> {
  const subject = "output file";
  const existing = await existingFolder(directory);
  try {
    await tryToWrite(existing);
  } catch (error) {
    const text = `Cannot write to folder "${directory}": ${messageOf(error)}`;
    const advice = "give this user the right to write there, or set file.directory";
    return yield { subject, state: "fault", text, advice };
  }
  const { bavail, bsize } = statfsSync(existing);
  const free = bavail * bsize;
  const can = existing === directory ? "can be written" : "is not there yet and can be made";
  const text = `folder "${directory}" ${can}, ${Math.floor(free / 1e6)} MB are free`;
  if (free >= LITTLE_BYTES) return yield { subject, state: "ok", text, advice: undefined };
  const advice = "files are never removed by sunspool: move old ones away, or make room";
  yield { subject, state: "warning", text, advice };
}
