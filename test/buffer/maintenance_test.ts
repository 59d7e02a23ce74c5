import assert from "node:assert/strict";
import { SqliteBuffer } from "../../lib/buffer/mod.ts";
import type { Entry } from "../../lib/core/mod.ts";
import { ALL, BufferFolder, entry, gapsOf, numbered, OPTIONS, textsOf } from "./buffer_folder.ts";
import { Child } from "./child_process.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const PROGRAM = new URL("./child.ts", import.meta.url);
const event = (text: string) => entry(text, { schema: "s1" });

/** Takes all that an output is given, and commits it. */
async function take(buffer: SqliteBuffer, output: string): Promise<string[]> {
  const taken = await takeEntries(buffer, output);
  return textsOf(taken).filter((text) => !text.startsWith("{"));
}

async function takeEntries(buffer: SqliteBuffer, output: string): Promise<Entry[]> {
  const taken: Entry[] = [];
  for (let read = await buffer.read(output, ALL); read.length > 0;) {
    taken.push(...read);
    await buffer.commit(output, read.at(-1)?.position ?? 0, []);
    read = await buffer.read(output, ALL);
  }
  return taken;
}

Deno.test("a dead letter that is put back goes to the output that rejected it, and to no other", async () => {
  await using folder = new BufferFolder();
  await using buffer = folder.open({ outputs: ["file", "kafka"] });
  await buffer.append(numbered(1, 500));
  const rejected = [...Array(450).keys()].map((i) => ({ position: i + 1, reason: "too_large" }));
  await buffer.commit("kafka", 500, rejected);
  await take(buffer, "kafka");
  assert.equal((await take(buffer, "file")).length, 500);

  await using other = folder.open({ role: "maintain" });
  const told: string[] = [];
  const requeued = other.maintenance().requeue({ output: "kafka" }, (text) => {
    told.push(text);
    return event(`event ${told.length}`);
  });
  assert.deepEqual(requeued, { requeued: 450, damaged: 0, unwanted: 0, left: 0 });
  assert.equal(told.length, 3);
  const { latest } = await buffer.local("file");
  assert.match(told[2] ?? "", new RegExp(`as positions \\d+–${latest - 1}; they were 401, 402, `));

  // Beside what is put back, others read on, and are told which positions are not for them.
  await buffer.append(numbered(501, 502));
  const beside = await takeEntries(buffer, "file");
  assert.deepEqual(
    textsOf(beside).filter((text) => !text.startsWith("{")),
    ["event 1", "event 2", "event 3", "501", "502"],
  );
  const excused = gapsOf(beside).flatMap(({ first, last, count, reason }) => {
    assert.deepEqual([count, reason], [0, "requeued"]);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  assert.equal(excused.length, 450);
  const seen = [...beside.map(({ position }) => position), ...excused].sort((a, b) => a - b);
  assert.deepEqual(seen, seen.map((_, i) => (seen[0] ?? 0) + i), "no position is missing");
  const again = await take(buffer, "kafka");
  assert.deepEqual(
    again.filter((text) => /^\d+$/.test(text)),
    [...numbered(1, 450), ...numbered(501, 502)].map((some) => textsOf([some])[0]),
  );
  assert.deepEqual(
    other.maintenance().outputs().map(({ output, backlog }) => [output, backlog]),
    [["file", 0], ["kafka", 0]],
  );
});

Deno.test("what went bad, what nobody takes and what has no room is not put back", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = folder.open({ outputs: ["file", "gone"] });
    await buffer.append(numbered(1, 4));
    await buffer.commit("file", 2, [{ position: 1, reason: "a" }, { position: 2, reason: "a" }]);
    await buffer.commit("gone", 2, [{ position: 2, reason: "a" }]);
  }
  await using buffer = folder.open({ outputs: ["file"] });
  using look = folder.look();
  look.run("UPDATE telemetry_queue SET payload = x'00' WHERE id = 3");
  await buffer.read("file", ALL);
  look.run("UPDATE dead_letter SET payload = x'01' WHERE output = 'file' AND position = 1");
  const full = folder.open({ role: "maintain", maxBytes: 1 });
  {
    await using other = full;
    const left = other.maintenance().requeue({}, event);
    assert.deepEqual(left, { requeued: 0, damaged: 2, unwanted: 1, left: 1 });
  }
  await using other = folder.open({ role: "maintain" });
  assert.deepEqual(other.maintenance().requeue({ reason: "b" }, event).requeued, 0);
  assert.deepEqual(
    other.maintenance().requeue({}, event),
    { requeued: 1, damaged: 2, unwanted: 1, left: 0 },
  );
  assert.deepEqual((await take(buffer, "file")).filter((text) => text === "2"), ["2"]);
  assert.equal((await buffer.stats()).deadLetters, 3);
});

Deno.test("a row for one output only is told as lost to that one only", async () => {
  await using folder = new BufferFolder();
  await using buffer = folder.open({ outputs: ["file", "kafka"] });
  await buffer.append(numbered(1, 2));
  await buffer.commit("kafka", 2, [{ position: 1, reason: "too_large" }]);
  await take(buffer, "kafka");
  buffer.maintenance().requeue({}, event);
  // A buffer that holds next to nothing drops all.
  await buffer.trim({ maxBytes: 1, maxAgeSeconds: 1e11 });
  assert.deepEqual((await buffer.stats()).dropped, [
    // Both rows and the event; the record of kafka's gap is no loss.
    { output: "file", reason: "max_bytes", count: 3 },
    { output: "kafka", reason: "max_bytes", count: 2 },
    { output: "kafka", reason: "too_large", count: 1 },
  ]);
});

Deno.test("a backup taken while another process writes is whole, and knows how far it went", async () => {
  await using folder = new BufferFolder();
  await using copies = new BufferFolder();
  await using child = new Child(PROGRAM, "append", folder.path);
  for (let i = 0; i < 20; i++) await child.line();
  {
    await using other = folder.open({ role: "maintain" });
    await other.maintenance().backup(copies.path, event("restored"));
  }
  for (let i = 0; i < 20; i++) assert.ok(Number(await child.line()) > 0);
  child.kill();
  await child.rest();
  const { epoch, incarnation } = await localOf(folder);

  await using copy = new SqliteBuffer({ ...OPTIONS, path: copies.path });
  assert.equal(copy.maintenance().integrity(), "ok");
  const read = textsOf(await copy.read("file", ALL));
  assert.equal(read.pop(), "restored");
  assert.ok(read.length >= 180);
  assert.deepEqual(read, read.map((_, i) => String(i + 1)));
  const local = await copy.local("file");
  assert.ok(local.epoch > epoch, "positions count as new");
  assert.equal(local.incarnations.some(({ id }) => id === incarnation), false);
});

async function localOf(folder: BufferFolder) {
  await using buffer = folder.open();
  return await buffer.local("file");
}

Deno.test("a copy knows the incarnations that delivered before it was taken, and where they ended", async () => {
  await using folder = new BufferFolder();
  await using copies = new BufferFolder();
  await using buffer = folder.open();
  await buffer.append(numbered(1, 3));
  await buffer.note("file", "delivering");
  const { incarnation } = await buffer.local("file");
  await buffer.maintenance().backup(copies.path, event("restored"));
  await buffer.append(numbered(4, 9));

  await using copy = copies.open();
  const { incarnations, position } = await copy.local("file");
  // The event that tells of it is the fourth row; what the original delivers behind is foreign.
  assert.deepEqual(incarnations[0], { id: incarnation, first: 1, last: 4 });
  assert.equal(position, 0);
});
