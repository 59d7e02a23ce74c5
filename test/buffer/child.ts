/**
 * Uses a buffer in a process of its own, and tells what it did, one line each.
 *
 *     hold PATH ROLE      opens it, says "open" or the error's name, and waits to be killed
 *     append PATH         appends three readings at a time for ever, says the last position on disk
 */
import { SqliteBuffer } from "../../lib/buffer/mod.ts";
import { numbered, OPTIONS } from "./buffer_folder.ts";

function tell(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const [task, path = "", role = "collect"] = Deno.args;
if (role !== "collect" && role !== "append" && role !== "drain" && role !== "maintain") {
  throw new Error(`Cannot use role "${role}"`);
}

try {
  const buffer = new SqliteBuffer({ ...OPTIONS, path, role });
  if (task === "hold") tell("open");
  let { latest } = await buffer.local("file");
  while (task === "append") {
    // Several at a time, so that some share a commit.
    const batches = [1, 4, 7].map((first) => numbered(latest + first, latest + first + 2));
    latest += 9;
    await Promise.all(batches.map((batch) => buffer.append(batch)));
    tell(String(latest));
  }
  await new Promise((resolve) => setTimeout(resolve, 3_600_000));
} catch (error) {
  tell(error instanceof Error ? error.name : String(error));
}
