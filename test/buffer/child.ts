/**
 * Uses a buffer in a process of its own, and tells what it did, one line each.
 *
 *     hold PATH ROLE      opens it, says "open" or the error's name, and waits to be killed
 *     reopen PATH ROLE    opens and closes it for ever, says "open" before the first time
 *     migrate PATH STEP   does the first steps of the migration from version 1, and waits to be killed
 *     append PATH         appends three readings at a time for ever, says the last position on disk
 */
import { SqliteBuffer } from "../../lib/buffer/mod.ts";
import { MIGRATIONS } from "../../lib/buffer/schema.ts";
import { Sql } from "../../lib/buffer/sql.ts";
import { numbered, OPTIONS } from "./buffer_folder.ts";

function tell(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const forEver = () => new Promise((resolve) => setTimeout(resolve, 3_600_000));

const [task, path = "", role = "collect"] = Deno.args;
if (task === "migrate") {
  const sql = new Sql(path);
  sql.run("BEGIN IMMEDIATE");
  for (const statement of MIGRATIONS.slice(1).flat().slice(0, Number(role))) sql.run(statement);
  tell(`step ${role}`);
  await forEver();
}
if (role !== "collect" && role !== "append" && role !== "drain" && role !== "maintain") {
  throw new Error(`Cannot use role "${role}"`);
}

if (task === "reopen") tell("open");
while (task === "reopen") {
  await using _buffer = new SqliteBuffer({ ...OPTIONS, path, role });
}

try {
  const buffer = new SqliteBuffer({ ...OPTIONS, path, role });
  buffer.broken.addEventListener("abort", () => {
    const { errcode, message } = buffer.broken.reason;
    tell(`broken ${errcode}: ${message.replace(path, "BUFFER")}`);
    Deno.exit(75);
  });
  if (task === "hold") tell("open");
  let { latest } = await buffer.local("file");
  while (task === "append") {
    // Several at a time, so that some share a commit.
    const batches = [1, 4, 7].map((first) => numbered(latest + first, latest + first + 2));
    latest += 9;
    await Promise.all(batches.map((batch) => buffer.append(batch)));
    tell(String(latest));
  }
  await forEver();
} catch (error) {
  tell(error instanceof Error ? error.name : String(error));
}
