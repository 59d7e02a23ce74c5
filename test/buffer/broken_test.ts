import assert from "node:assert/strict";
import { ALL, BufferFolder, entries, numbered, textsOf } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const PROGRAM = new URL("./child.ts", import.meta.url).pathname;

/** Appends in a process whose files may not grow beyond this, which SQLite takes for a bad disk. */
async function appendUntilItFails(path: string, kib: number): Promise<string[]> {
  const run = [Deno.execPath(), "run", "-A", "--quiet", PROGRAM, "append", path];
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `trap "" XFSZ; ulimit -f ${kib * 2}; exec "$@"`, "sh", ...run],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test("after a failed write nothing more is written, and the next start has all that was told", async () => {
  await using folder = new BufferFolder();
  const lines = await appendUntilItFails(folder.path, 512);
  const told = Number(lines.at(-2));
  assert.ok(told > 0, lines.join());
  // 778 = SQLITE_IOERR_WRITE
  assert.equal(
    lines.at(-1),
    'broken 778: Cannot use buffer "BUFFER" any longer: disk I/O error; what is committed is safe, ' +
      "start again",
  );
  await using buffer = folder.open();
  const read = textsOf(await buffer.read("file", ALL));
  assert.ok(read.length >= told);
  assert.deepEqual(read, read.map((_, i) => String(i + 1)));
  await buffer.append(entries("after"));
});

Deno.test("a file found corrupt while it is in use is broken, and checked whole at the next start", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = folder.open();
    await buffer.append(numbered(1, 3000));
  }
  {
    await using buffer = folder.open();
    using look = folder.look();
    const pages = look.column("SELECT pageno FROM dbstat WHERE name = 'telemetry_queue'");
    look.rows("PRAGMA wal_checkpoint(TRUNCATE)");
    using file = Deno.openSync(folder.path, { write: true });
    for (const page of pages.slice(2)) {
      file.seekSync((Number(page) - 1) * 4096, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(4096).fill(0xee));
    }
    await assert.rejects(buffer.read("file", ALL), /malformed/);
    assert.ok(buffer.broken.aborted);
    await assert.rejects(buffer.append(entries("late")), /what is committed is safe, start again/);
    assert.ok(folder.names().includes("buffer.sqlite.suspect"));
  }
  await using buffer = folder.open();
  assert.ok(buffer.setAside);
  assert.equal(folder.names().includes("buffer.sqlite.suspect"), false);
  await buffer.append(entries("after"));
});
