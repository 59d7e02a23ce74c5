import assert from "node:assert/strict";
import { SqliteBuffer } from "../../lib/buffer/mod.ts";
import { TryLaterError } from "../../lib/core/mod.ts";
import { ALL, BufferFolder, entries, entry, gapsOf, OPTIONS, textsOf } from "./buffer_folder.ts";
import { diskTest } from "./small_disk.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const MIB = 1024 * 1024;
const KEEP = { maxBytes: 1e9, maxAgeSeconds: 1e11 };

/** Readings of some size, named by nothing. */
const sized = (count: number, size: number, createdAt = 1000) =>
  Array.from({ length: count }, () => entry("", { payload: new Uint8Array(size), createdAt }));

Deno.test("asked to drop the newest, a full buffer keeps what it has and tells how much it refused", async () => {
  await using folder = new BufferFolder();
  const outputs = ["file", "kafka"];
  await using buffer = await folder.opened({ outputs, maxBytes: MIB, whenFull: "drop_newest" });
  let stored = 0;
  let refused = 0;
  for (let i = 1; refused < 30; i++) {
    try {
      await buffer.append(sized(10, 10_000, i * 1000));
      assert.equal(refused, 0, "full once, full for good");
      stored += 10;
    } catch (error) {
      assert.ok(error instanceof TryLaterError);
      assert.match(error.message, /^The buffer is full, and buffer\.when_full is drop_newest$/);
      refused += 10;
    }
  }
  // Trimming takes nothing either.
  assert.equal((await buffer.trim({ maxBytes: 1, maxAgeSeconds: 1e11 })).dropped, 0);
  const told = [];
  for (const output of outputs) {
    const read = await buffer.read(output, ALL);
    assert.equal(read.length - gapsOf(read).length, stored);
    told.push(...gapsOf(read).filter((gap) => gap.output === output));
    await buffer.commit(output, read.at(-1)?.position ?? 0, []);
  }
  await buffer.append(entries("after"));
  for (const output of outputs) {
    assert.ok(textsOf(await buffer.read(output, ALL)).includes("after"));
  }
  // The range is empty: no position was lost, and none is used twice.
  assert.deepEqual(
    told.map(({ from: _from, to: _to, ...gap }) => gap),
    outputs.map((output) => (
      { output, first: stored + 1, last: stored, count: refused, reason: "drop_newest" }
    )),
  );
  assert.equal((told[0]?.to ?? 0) - (told[0]?.from ?? 0), 2_000_000);
  assert.deepEqual(
    (await buffer.stats()).dropped,
    outputs.map((output) => ({ output, reason: "drop_newest", count: refused })),
  );
});

Deno.test("the record of a gap that has to leave itself is told again, whole", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ maxBytes: MIB });
  for (let i = 0; i < 5; i++) {
    for (let n = 0; n < 4; n++) await buffer.append(sized(50, 10_000));
    // The output looks, which puts a record into the log, and fails.
    await buffer.read("file", ALL);
  }
  const read = await buffer.read("file", ALL);
  const gaps = gapsOf(read).sort((a, b) => a.first - b.first);
  const [{ count = 0 } = {}] = (await buffer.stats()).dropped;
  assert.equal(gaps.reduce((sum, gap) => sum + gap.count, 0), count);
  const readings = read.length - gapsOf(read).length;
  assert.equal(count + readings, 1000);
  let next = 1;
  for (const { first, last } of gaps) {
    assert.equal(first, next);
    next = last + 1;
  }
  assert.equal(read[0]?.position, next);
});

Deno.test("a blocked buffer loses nothing, whatever trims it", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ maxBytes: MIB, whenFull: "block" });
  await buffer.append(sized(50, 10_000));
  await buffer.trim({ maxBytes: 1, maxAgeSeconds: 1e11 });
  assert.deepEqual([(await buffer.stats()).rows, (await buffer.stats()).dropped], [50, []]);
});

Deno.test("dead letters never take the room of what can be delivered", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ maxBytes: MIB });
  for (let i = 0; i < 30; i++) {
    await buffer.append(sized(1, 20_000));
    const read = await buffer.read("file", ALL);
    const through = read.at(-1)?.position ?? 0;
    const rejected = read.filter(({ payload }) => payload.length === 20_000);
    await buffer.commit(
      "file",
      through,
      rejected.map(({ position }) => ({ position, reason: "too_large" })),
    );
  }
  using look = folder.look();
  const [kept] = look.rows("SELECT count(*), sum(length(payload)), max(position) FROM dead_letter");
  assert.deepEqual(kept?.slice(0, 2), [6, 120_000]);
  assert.ok((await buffer.stats()).dropped.every(({ count }) => count === 30));
});

diskTest("the buffer grows no further when the disk is short of space", 24 * 1024, async (disk) => {
  const path = `${disk.folder}/buffer.sqlite`;
  await using buffer = new SqliteBuffer({ ...OPTIONS, path, minFreeBytes: 12 * MIB });
  for (let i = 0; i < 30; i++) await buffer.append(sized(10, 100_000));
  const { bytes, dropped } = await buffer.stats();
  // The log of SQLite may take some of what is left free.
  assert.ok(bytes > 6 * MIB && bytes < 12 * MIB, `${bytes}`);
  assert.ok(await disk.free() > 6 * MIB, `${await disk.free()}`);
  assert.deepEqual(dropped.map(({ output, reason }) => [output, reason]), [
    ["file", "min_free_bytes"],
  ]);
  // What is delivered makes room for what comes.
  const read = await buffer.read("file", ALL);
  await buffer.commit("file", read.at(-1)?.position ?? 0, []);
  await buffer.append(sized(10, 100_000));
  assert.deepEqual((await buffer.stats()).dropped, dropped);
});

diskTest(
  "a file system smaller than what is to stay free is used all the same",
  8192,
  async (disk) => {
    const path = `${disk.folder}/buffer.sqlite`;
    await using buffer = new SqliteBuffer({ ...OPTIONS, path, minFreeBytes: 64 * MIB });
    await buffer.append(sized(20, 100_000));
    assert.deepEqual((await buffer.stats()).dropped, []);
  },
);

diskTest("a file that has filled its disk is freed by its ballast", 8192, async (disk) => {
  const path = `${disk.folder}/buffer.sqlite`;
  await using buffer = new SqliteBuffer({ ...OPTIONS, path });
  await buffer.append(sized(30, 100_000));
  const ballast = `${path}.ballast`;
  assert.equal((await Deno.stat(ballast)).size, MIB);
  await disk.fill();
  // A byte of room or none: without the ballast not even a commit could be written.
  await buffer.commit("file", 30, []);
  assert.equal((await buffer.local("file")).position, 30);
  for (let i = 0; i < 20; i++) await buffer.append(sized(1, 10_000));
  assert.deepEqual((await buffer.stats()).dropped, []);
  // There is room again: what was delivered has left the file.
  await buffer.trim(KEEP);
  assert.equal((await Deno.stat(ballast)).size, MIB);
});
