import assert from "node:assert/strict";
import { ALL, BufferFolder, entries, gapsOf, numbered, textsOf } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const KEEP = { maxBytes: 1e9, maxAgeSeconds: 1e11 };

Deno.test("a slow output does not hold back a fast one, but holds the rows", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ outputs: ["fast", "slow"] });
  await buffer.append(numbered(1, 10));
  await buffer.commit("fast", 10, []);
  await buffer.commit("slow", 4, []);
  assert.deepEqual(await buffer.read("fast", ALL), []);
  assert.equal((await buffer.trim(KEEP)).delivered, 4);
  assert.deepEqual(textsOf(await buffer.read("slow", ALL)), ["5", "6", "7", "8", "9", "10"]);
});

Deno.test("a new output starts at the oldest row kept", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened({ outputs: ["file"] });
    await buffer.append(numbered(1, 5));
    await buffer.commit("file", 3, []);
    await buffer.trim(KEEP);
  }
  await using buffer = await folder.opened({ outputs: ["file", "kafka"] });
  assert.equal((await buffer.local("kafka")).position, 3);
  assert.deepEqual(textsOf(await buffer.read("kafka", ALL)), ["4", "5"]);
  assert.deepEqual(gapsOf(await buffer.read("kafka", ALL)), []);
});

Deno.test("a new output of an empty buffer starts at the next row", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened({ outputs: ["file"] });
    await buffer.append(numbered(1, 5));
    await buffer.commit("file", 5, []);
    await buffer.trim(KEEP);
  }
  await using buffer = await folder.opened({ outputs: ["kafka"] });
  assert.equal((await buffer.local("kafka")).position, 5);
  await buffer.append(entries("6"));
  assert.deepEqual((await buffer.read("kafka", ALL)).map(({ position }) => position), [6]);
});

Deno.test("a removed output stops holding rows, and is told what it missed when it comes back", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened({ outputs: ["file", "kafka"] });
    await buffer.append(numbered(1, 6, { createdAt: 5000 }));
    await buffer.commit("kafka", 2, []);
    await buffer.note("kafka", "in flight");
  }
  {
    await using buffer = await folder.opened({ outputs: ["file"] });
    await buffer.commit("file", 4, []);
    assert.equal((await buffer.trim(KEEP)).delivered, 4);
    assert.deepEqual(Object.keys((await buffer.stats()).backlog), ["file"]);
  }
  await using buffer = await folder.opened({ outputs: ["file", "kafka"] });
  assert.deepEqual((await buffer.local("kafka")).note, null);
  const read = await buffer.read("kafka", ALL);
  assert.deepEqual(read.map(({ position }) => position), [5, 6, 7]);
  assert.deepEqual(gapsOf(read), [{
    output: "kafka",
    first: 3,
    last: 4,
    count: 2,
    reason: "output_was_removed",
    from: 5_000_000,
    to: 5_000_000,
  }]);
});

Deno.test("an output that comes back to all its rows has no gap", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened({ outputs: ["file", "kafka"] });
    await buffer.append(numbered(1, 3));
    await buffer.commit("kafka", 1, []);
  }
  {
    await using _buffer = await folder.opened({ outputs: ["file"] });
  }
  await using buffer = await folder.opened({ outputs: ["file", "kafka"] });
  assert.deepEqual(textsOf(await buffer.read("kafka", ALL)), ["2", "3"]);
});

Deno.test("looking after the file changes nothing about its outputs", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened({ outputs: ["file", "kafka"] });
    await buffer.append(numbered(1, 3));
  }
  {
    await using buffer = await folder.opened({ role: "maintain", outputs: [] });
    assert.deepEqual((await buffer.stats()).backlog, { file: 3, kafka: 3 });
  }
  await using buffer = await folder.opened({ outputs: ["file", "kafka"] });
  assert.deepEqual(textsOf(await buffer.read("kafka", ALL)), ["1", "2", "3"]);
});

Deno.test("a commit moves forward only", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  await buffer.append(numbered(1, 9));
  for (const [through, want] of [[4, 4], [2, 4], [4, 4], [7, 7], [0, 7]] as const) {
    await buffer.commit("file", through, []);
    assert.equal((await buffer.local("file")).position, want);
  }
});

Deno.test("what was rejected goes to the dead letters with its reason, and a gap tells of it", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  await buffer.append(numbered(1, 4, { createdAt: 1234 }));
  await buffer.commit("file", 4, [
    { position: 2, reason: "message_too_large" },
    { position: 3, reason: "of another kind" },
  ]);
  const read = await buffer.read("file", ALL);
  const gap = { output: "file", count: 1, from: 1_234_000, to: 1_234_000 };
  assert.equal(read.length, 2);
  assert.deepEqual(gapsOf(read), [
    { ...gap, first: 2, last: 2, reason: "message_too_large" },
    { ...gap, first: 3, last: 3, reason: "of another kind" },
  ]);
  const { epoch } = await buffer.local("file");
  using look = folder.look();
  assert.deepEqual(
    look.rows(
      "SELECT output, position, epoch, topic, CAST(payload AS TEXT), schema, created_at, reason " +
        "FROM dead_letter ORDER BY position",
    ),
    [
      ["file", 2, epoch, "readings", "2", "s1", 1234, "message_too_large"],
      ["file", 3, epoch, "readings", "3", "s1", 1234, "of another kind"],
    ],
  );
});

Deno.test("a note is kept, also over a crash, until the next commit", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened({ outputs: ["file", "kafka"] });
    assert.equal((await buffer.local("kafka")).note, null);
    await buffer.note("kafka", "first");
    await buffer.note("kafka", "second");
  }
  await using buffer = await folder.opened({ outputs: ["file", "kafka"] });
  assert.equal((await buffer.local("kafka")).note, "second");
  assert.equal((await buffer.local("file")).note, null);
  await buffer.commit("file", 0, []);
  assert.equal((await buffer.local("kafka")).note, "second");
  await buffer.commit("kafka", 0, []);
  assert.equal((await buffer.local("kafka")).note, null);
});

Deno.test("a commit that fails half way leaves the cursor, the note and the dead letters", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  await buffer.append(numbered(1, 2));
  await buffer.note("file", "in flight");
  using look = folder.look();
  look.run(
    "CREATE TRIGGER deny BEFORE UPDATE OF position ON output_cursor " +
      "BEGIN SELECT RAISE(ABORT, 'denied'); END",
  );
  await assert.rejects(buffer.commit("file", 2, [{ position: 1, reason: "no" }]), /denied/);
  const { position, note } = await buffer.local("file");
  assert.deepEqual([position, note, (await buffer.stats()).deadLetters], [0, "in flight", 0]);
});

Deno.test("while it is open, outputs come and go and the topic changes as when it is opened", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ outputs: ["file"] });
  await buffer.append(numbered(1, 4));
  await buffer.commit("file", 2, []);
  await buffer.trim(KEEP);
  await buffer.route(["file", "kafka"], "roofs");
  assert.equal((await buffer.local("kafka")).position, 2, "a new one starts at the oldest row");
  await buffer.append(numbered(5, 5));
  assert.deepEqual(textsOf(await buffer.read("kafka", ALL)), ["3", "4"], "of one topic");
  await buffer.commit("kafka", 4, []);
  const [fifth] = await buffer.read("kafka", ALL);
  assert.deepEqual([fifth?.position, fifth?.topic], [5, "roofs"]);

  await buffer.route(["kafka"], "roofs");
  assert.deepEqual(Object.keys((await buffer.stats()).backlog), ["kafka"]);
  await buffer.commit("kafka", 5, []);
  assert.equal((await buffer.trim(KEEP)).delivered, 3, "one that left holds no rows");
  await buffer.route(["file", "kafka"], "roofs");
  const [gap] = gapsOf(await buffer.read("file", ALL));
  assert.deepEqual([gap?.first, gap?.last, gap?.reason], [3, 5, "output_was_removed"]);
});
