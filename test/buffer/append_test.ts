import assert from "node:assert/strict";
import { SqliteCode, sqliteCode } from "../../lib/buffer/mod.ts";
import { ALL, BufferFolder, entries, entry, gapsOf, numbered, textsOf } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** How many commits the log of a file holds: SQLite, "WAL-Index Format", frame header bytes 4–7. */
function commitsIn(path: string): number {
  const log = Deno.readFileSync(`${path}-wal`);
  const view = new DataView(log.buffer);
  let commits = 0;
  for (let frame = 32; frame + 24 <= log.length; frame += 24 + 4096) {
    // Frames of an earlier round keep its salts.
    if (view.getBigUint64(frame + 8) !== view.getBigUint64(16)) break;
    if (view.getUint32(frame + 4) > 0) commits++;
  }
  return commits;
}

Deno.test("readings that come together share one commit, in their order", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ commitIntervalMs: 3_600_000 });
  using look = folder.look();
  const before = commitsIn(folder.path);
  const appends = [entries("a", "b"), entries("c"), entries("d", "e")].map((some) =>
    buffer.append(some)
  );
  assert.deepEqual(look.column("SELECT id FROM telemetry_queue"), []);
  buffer.flush();
  await Promise.all(appends);
  assert.equal(commitsIn(folder.path) - before, 1);
  assert.deepEqual(
    look.rows("SELECT id, CAST(payload AS TEXT) FROM telemetry_queue ORDER BY id"),
    [[1, "a"], [2, "b"], [3, "c"], [4, "d"], [5, "e"]],
  );
});

Deno.test("append() resolves when another connection can see the readings, and not before", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  using look = folder.look();
  const count = () => look.column("SELECT count(*) FROM telemetry_queue")[0];
  for (let round = 1; round <= 5; round++) {
    const stored = buffer.append(numbered(1, 3)).then(() => count());
    assert.equal(count(), (round - 1) * 3);
    assert.equal(await stored, round * 3);
  }
});

Deno.test("a row is what was appended", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  const written = [
    entry("a", { createdAt: 1_763_694_000_123, clockSynced: true }),
    entry("", { createdAt: 0, clockSynced: false }),
    entry("c", { createdAt: 4_102_444_800_000, clockSynced: null, schema: "s2" }),
  ];
  await buffer.append(written);
  assert.deepEqual(
    (await buffer.read("file", ALL)).map((read) => ({ ...read })),
    written.map((entry, i) => ({ ...entry, position: i + 1, topic: "readings" })),
  );
});

Deno.test("nothing appended is no commit", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ commitIntervalMs: 3_600_000 });
  const before = commitsIn(folder.path);
  await buffer.append([]);
  buffer.flush();
  assert.equal(commitsIn(folder.path), before);
});

Deno.test("closing commits what waits", async () => {
  await using folder = new BufferFolder();
  let stored: Promise<void>;
  {
    await using buffer = await folder.opened({ commitIntervalMs: 3_600_000 });
    stored = buffer.append(entries("late"));
  }
  await stored;
  await using buffer = await folder.opened();
  assert.deepEqual(textsOf(await buffer.read("file", ALL)), ["late"]);
});

Deno.test("a commit that fails stores nothing, tells everyone who waited, and the next one works", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ commitIntervalMs: 3_600_000 });
  using look = folder.look();
  look.run(
    "CREATE TRIGGER deny BEFORE INSERT ON telemetry_queue WHEN NEW.payload = CAST('bad' AS BLOB) " +
      "BEGIN SELECT RAISE(ABORT, 'denied'); END",
  );
  const appends = [buffer.append(entries("good")), buffer.append(entries("bad"))];
  const results = Promise.allSettled(appends);
  buffer.flush();
  for (const { status } of await results) assert.equal(status, "rejected");
  assert.deepEqual(look.column("SELECT id FROM telemetry_queue"), []);

  const again = buffer.append(entries("good"));
  buffer.flush();
  await again;
  const read = await buffer.read("file", ALL);
  assert.deepEqual(textsOf(read)[0], "good");
  // Whoever appended was told that they are lost; whoever reads is told too.
  const [gap] = gapsOf(read);
  assert.deepEqual([gap?.first, gap?.last, gap?.count, gap?.reason], [1, 0, 2, "buffer_error"]);
});

Deno.test("appended() waits for rows behind a position, or for its signal", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  const { signal } = new AbortController();
  await buffer.append(entries("a"));
  await buffer.appended(0, signal);

  const order: string[] = [];
  const waiting = buffer.appended(1, signal).then(() => order.push("appended"));
  await buffer.append(entries("b")).then(() => order.push("stored"));
  await waiting;
  assert.deepEqual(order.sort(), ["appended", "stored"]);

  const stop = new AbortController();
  const stopped = buffer.appended(2, stop.signal);
  stop.abort();
  await stopped;
  await buffer.appended(2, AbortSignal.abort());
});

/** More than this much in use holds a blocking buffer back. */
const MAX_BYTES = 200_000;

Deno.test("when full and asked to block, appending waits until there is room", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ whenFull: "block", maxBytes: MAX_BYTES });
  using look = folder.look();
  for (let i = 0; i < 4; i++) look.insert(new Uint8Array(50_000));

  let isStored = false;
  const stored = buffer.append(entries("held back")).then(() => isStored = true);
  buffer.flush();
  await buffer.trim({ maxBytes: MAX_BYTES, maxAgeSeconds: 1e11 });
  assert.deepEqual([isStored, (await buffer.stats()).rows], [false, 4]);

  await buffer.commit("file", 4, []);
  await stored;
  assert.deepEqual(textsOf(await buffer.read("file", ALL)), ["held back"]);
});

Deno.test("at a stop nobody is held back", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ whenFull: "block", maxBytes: 1 });
  const stored = buffer.append(entries("last"));
  buffer.flush();
  assert.equal((await buffer.stats()).rows, 0);
  buffer.unblock();
  await stored;
  assert.equal((await buffer.stats()).rows, 1);
});

Deno.test("whoever only drains is never held back: its events are what makes room", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened({ whenFull: "block", maxBytes: 1 });
    buffer.unblock();
    await buffer.append(entries("a"));
  }
  await using buffer = await folder.opened({ role: "drain", whenFull: "block", maxBytes: 1 });
  await buffer.append(entries("event"));
  assert.deepEqual(textsOf(await buffer.read("file", ALL)), ["a", "event"]);
});

const MIB = 1024 * 1024;

Deno.test("when full the oldest rows make room, whatever size rows have, and the file keeps its size", async () => {
  for (const size of [10, 3900, 20_000]) {
    await using folder = new BufferFolder();
    const outputs = ["file", "kafka"];
    await using buffer = await folder.opened({ outputs, maxBytes: MIB, synchronous: "normal" });
    const row = entry("", { payload: new Uint8Array(size) });
    const rows = Math.min(Math.ceil(200_000 / size), 1000);
    for (let stored = 0; stored < 3 * MIB; stored += rows * (size + 100)) {
      await buffer.append(Array(rows).fill(row));
      assert.ok((await buffer.stats()).bytes <= MIB, `${size}`);
    }
    using look = folder.look();
    assert.ok(Number(look.column("PRAGMA page_count")[0]) * 4096 <= MIB);
    const read = await buffer.read("kafka", ALL);
    const [gap, ...more] = gapsOf(read);
    // However often rows gave way, it is told once.
    assert.deepEqual(more, []);
    assert.deepEqual(
      [gap?.output, gap?.first, gap?.last, gap?.count, gap?.reason],
      ["kafka", 1, (read[0]?.position ?? 0) - 1, (read[0]?.position ?? 0) - 1, "max_bytes"],
    );
  }
});

Deno.test("what is more than the buffer holds at once is refused, counted and told", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ maxBytes: MIB });
  await buffer.append(entries("before"));
  const big = entry("", { payload: new Uint8Array(MIB / 2), createdAt: 7000 });
  await assert.rejects(buffer.append(Array(10).fill(big)), (error) => {
    assert.equal(sqliteCode(error), SqliteCode.full);
    return true;
  });
  const [before, told] = textsOf(await buffer.read("file", ALL));
  assert.equal(before, "before");
  assert.deepEqual(JSON.parse(told ?? "").gap, {
    ...{ output: "file", first: 2, last: 1, count: 10, reason: "disk_full" },
    ...{ from: 7_000_000, to: 7_000_000 },
  });
  await buffer.append(entries("after"));
});

Deno.test("an error carries SQLite's primary code", () => {
  for (
    const [error, want] of [
      [Object.assign(new Error("disk I/O error"), { errcode: 1034 }), SqliteCode.ioError],
      [Object.assign(new Error("full"), { errcode: 13 }), SqliteCode.full],
      [new Error("plain"), undefined],
      ["text", undefined],
    ] as const
  ) {
    assert.equal(sqliteCode(error), want);
  }
});
