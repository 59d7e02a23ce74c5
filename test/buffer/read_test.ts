import assert from "node:assert/strict";
import { ALL, BufferFolder, entry, numbered, textsOf } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const sized = (...sizes: readonly number[]) =>
  sizes.map((size) => entry("", { payload: new Uint8Array(size) }));

Deno.test("read() hands out rows in order, as many and as large as asked, and never none", async () => {
  for (
    const [sizes, limit, want] of [
      [[10, 10, 10], { rows: 2, bytes: 1000 }, [1, 2]],
      [[10, 10, 10], { rows: 5, bytes: 1000 }, [1, 2, 3]],
      [[10, 10, 10], { rows: 5, bytes: 20 }, [1, 2]],
      [[10, 10, 10], { rows: 5, bytes: 29 }, [1, 2]],
      [[10, 10, 10], { rows: 5, bytes: 30 }, [1, 2, 3]],
      [[500, 10], { rows: 5, bytes: 100 }, [1]],
      [[10, 500], { rows: 5, bytes: 100 }, [1]],
      [[0, 0], { rows: 5, bytes: 0 }, [1, 2]],
      [[], { rows: 5, bytes: 100 }, []],
    ] as const
  ) {
    await using folder = new BufferFolder();
    await using buffer = await folder.opened();
    await buffer.append(sized(...sizes));
    const read = await buffer.read("file", limit);
    assert.deepEqual(read.map(({ position }) => position), want);
  }
});

Deno.test("reading again gives the same until it is committed", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  await buffer.append(numbered(1, 5));
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(textsOf(await buffer.read("file", { rows: 2, bytes: 100 })), ["1", "2"]);
  }
  await buffer.commit("file", 2, []);
  assert.deepEqual(textsOf(await buffer.read("file", { rows: 2, bytes: 100 })), ["3", "4"]);
});

Deno.test("a batch ends where the topic changes", async () => {
  await using folder = new BufferFolder();
  for (const [topic, first, last] of [["old", 1, 3], ["new", 4, 5], ["old", 6, 6]] as const) {
    await using buffer = await folder.opened({ topic });
    await buffer.append(numbered(first, last));
  }
  await using buffer = await folder.opened({ topic: "newest" });
  for (const want of [[1, 2, 3], [4, 5], [6], []]) {
    const read = await buffer.read("file", ALL);
    assert.deepEqual(read.map(({ position }) => position), want);
    assert.equal(new Set(read.map(({ topic }) => topic)).size, Math.min(want.length, 1));
    await buffer.commit("file", want.at(-1) ?? 0, []);
  }
});

Deno.test("stats() count what is kept and what each output has still to take", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ outputs: ["file", "kafka"] });
  const empty = await buffer.stats();
  assert.deepEqual(
    [empty.rows, empty.oldestAt, empty.backlog, empty.waitingSince],
    [0, undefined, { file: 0, kafka: 0 }, { file: undefined, kafka: undefined }],
  );
  for (let i = 1; i <= 4; i++) await buffer.append(numbered(i, i, { createdAt: i * 1000 }));
  await buffer.commit("file", 3, [{ position: 2, reason: "too_large" }]);
  // The gap record of what was rejected is the fifth row.
  await buffer.commit("kafka", 5, []);
  const { bytes, stored, ...stats } = await buffer.stats();
  assert.ok(stored > 5 * 80 && stored < 5 * 200, `${stored}`);
  assert.deepEqual(stats, {
    rows: 5,
    maxBytes: 64 * 1024 * 1024,
    oldestAt: 1000,
    deadLetters: 1,
    backlog: { file: 2, kafka: 0 },
    waitingSince: { file: 4000, kafka: undefined },
    dropped: [{ output: "file", reason: "too_large", count: 1 }],
  });
  using look = folder.look();
  const [pages, free] = ["page_count", "freelist_count"].map((name) =>
    Number(look.column(`PRAGMA ${name}`)[0])
  );
  assert.equal(bytes, (Number(pages) - Number(free)) * 4096);
});
