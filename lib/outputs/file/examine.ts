import { statfsSync } from "node:fs";
import { type Finding, messageOf } from "../../core/mod.ts";

/** Below this a folder is as good as full. */
const LITTLE_BYTES = 100 * 1024 * 1024;

/** Whether files can be made in the folder, and for how much there is room. */
export async function* examineFolder(directory: string): AsyncGenerator<Finding> {
  const subject = "output file";
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o750 });
    const probe = await Deno.makeTempFile({ dir: directory, prefix: ".probe-" });
    await Deno.remove(probe);
  } catch (error) {
    const text = `Cannot write to folder "${directory}": ${messageOf(error)}`;
    const advice = "give this user the right to write there, or set file.directory";
    return yield { subject, state: "fault", text, advice };
  }
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  const text = `folder "${directory}" can be written, ${Math.floor(free / 1e6)} MB are free`;
  if (free >= LITTLE_BYTES) return yield { subject, state: "ok", text, advice: undefined };
  const advice = "files are never removed by sunspool: move old ones away, or make room";
  yield { subject, state: "warning", text, advice };
}
