import assert from "node:assert/strict";
import { TryLaterError } from "../../lib/core/mod.ts";
import { ALL, BufferFolder, entries, gapsOf, numbered, textsOf } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("a row whose bytes changed is set aside, told of, and all others are delivered", async () => {
  for (
    const [change, bad, left] of [
      ["payload = CAST('tampered' AS BLOB)", [1], ["2", "3", "4", "5"]],
      ["payload = substr(payload, 1, 0)", [3], ["1", "2", "4", "5"]],
      ["crc = crc + 1", [5], ["1", "2", "3", "4"]],
      ["payload = 'a text'", [2, 3, 4], ["1", "5"]],
      ["crc = -1", [1, 2, 3, 4, 5], []],
    ] as const
  ) {
    await using folder = new BufferFolder();
    await using buffer = await folder.opened({ outputs: ["behind", "done"] });
    await buffer.append(numbered(1, 5, { createdAt: 7000 }));
    await buffer.commit("done", 5, []);
    using look = folder.look();
    look.run(`UPDATE telemetry_queue SET ${change} WHERE id IN (${bad.join()})`);

    const delivered: string[] = [];
    const gaps = [];
    for (let read = await buffer.read("behind", ALL); read.length > 0;) {
      delivered.push(...textsOf(read).filter((text) => !text.startsWith("{")));
      gaps.push(...gapsOf(read));
      await buffer.commit("behind", read.at(-1)?.position ?? 0, []);
      read = await buffer.read("behind", ALL);
    }
    assert.deepEqual(delivered, left, change);
    const told = gaps.flatMap(({ first, last, count, ...rest }) => {
      assert.deepEqual(rest, { output: "behind", reason: "corrupt", from: 7e6, to: 7e6 });
      return Array.from({ length: last - first + 1 }, (_, i) => first + i).slice(0, count);
    });
    assert.deepEqual(told, bad);
    assert.deepEqual(
      look.rows("SELECT output, position, reason FROM dead_letter ORDER BY position"),
      bad.map((position) => ["*", position, "checksum"]),
    );
  }
});

Deno.test("many bad rows in a row are passed over in one reading", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ synchronous: "normal" });
  await buffer.append(numbered(1, 3001));
  using look = folder.look();
  look.run("UPDATE telemetry_queue SET crc = 0 WHERE id <= 3000");
  const read = await buffer.read("file", ALL);
  assert.equal(textsOf(read)[0], "3001");
  assert.equal((await buffer.stats()).deadLetters, 3000);
});

/** Where a file is damaged, and whether it still says whose it is. */
const DAMAGES: readonly (readonly [string, (folder: BufferFolder) => number[], boolean])[] = [
  ["its header", () => [1], false],
  ["a page of rows", (folder) => pagesOf(folder, "telemetry_queue"), true],
  ["its index", (folder) => pagesOf(folder, "idx_created_at"), true],
  ["the page with its name", (folder) => pagesOf(folder, "meta"), false],
];

function pagesOf(folder: BufferFolder, table: string): number[] {
  using look = folder.look();
  return look.column(`SELECT pageno FROM dbstat WHERE name = '${table}'`).map(Number);
}

/** Overwrites whole pages, as a dying SD card does. */
function overwrite(path: string, pages: readonly number[]): void {
  using file = Deno.openSync(path, { write: true });
  for (const page of pages) {
    file.seekSync((page - 1) * 4096, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(4096).fill(0xee));
  }
}

/** All but the first page, which counts the changes of the file. */
async function rowPages(path: string): Promise<Uint8Array> {
  return (await Deno.readFile(path)).subarray(4096);
}

for (const [what, pages, isNameKept] of DAMAGES) {
  Deno.test(`a file with ${what} overwritten is set aside whole, and a new one begun`, async () => {
    await using folder = new BufferFolder();
    {
      await using buffer = await folder.opened({ collector: "roof" });
      await buffer.append(numbered(1, 2000));
    }
    const damaged = pages(folder);
    overwrite(folder.path, damaged);
    const rows = await rowPages(folder.path);

    await using buffer = await folder.opened({ collector: undefined });
    assert.match(buffer.setAside ?? "", /buffer\.sqlite\.corrupt-\d{4}-\d\d-\d\dT[\d-]+Z$/);
    assert.deepEqual(await rowPages(buffer.setAside ?? ""), rows);
    if (isNameKept) assert.equal(buffer.collector, "roof");
    else assert.match(buffer.collector, /^sunspool-[0-9a-f]{8}$/);
    assert.equal((await buffer.stats()).rows, 0);
    await buffer.append(entries("first"));
    assert.deepEqual((await buffer.read("file", ALL)).map(({ position }) => position), [1]);
  });
}

Deno.test("a configured name goes over what a corrupt file says", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened({ collector: "roof" });
    await buffer.append(numbered(1, 10));
  }
  overwrite(folder.path, pagesOf(folder, "telemetry_queue"));
  await using buffer = await folder.opened({ collector: "cellar" });
  assert.equal(buffer.collector, "cellar");
});

Deno.test("a file that is no database at all is set aside", async () => {
  await using folder = new BufferFolder();
  await Deno.writeTextFile(folder.path, "hello, this is no database\n".repeat(400));
  await using buffer = await folder.opened();
  assert.match(await Deno.readTextFile(buffer.setAside ?? ""), /^hello/);
  await buffer.append(entries("a"));
});

Deno.test("an empty file, as a power cut right after its making leaves it, is a new buffer", async () => {
  await using folder = new BufferFolder();
  await Deno.writeFile(folder.path, new Uint8Array(0));
  await using buffer = await folder.opened();
  assert.equal(buffer.setAside, undefined);
  await buffer.append(entries("a"));
});

Deno.test("a corrupt file stays where it is while somebody else has it open", async () => {
  for (
    const [holder, others] of [["collect", ["append", "drain", "maintain"]], ["drain", [
      "append",
      "maintain",
    ]], ["append", ["drain", "maintain"]]] as const
  ) {
    await using folder = new BufferFolder();
    await using buffer = await folder.opened({ role: holder });
    await buffer.append(numbered(1, 2000));
    {
      using look = folder.look();
      look.rows("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    overwrite(folder.path, pagesOf(folder, "telemetry_queue"));
    const names = folder.names();
    for (const role of others) {
      assert.throws(() => folder.open({ role }), TryLaterError, `${holder}, then ${role}`);
    }
    const left = folder.names().filter((name) => !name.endsWith(".lock"));
    assert.deepEqual(left, names.filter((name) => !name.endsWith(".lock")));
  }
});

Deno.test("a file whose name or epoch turned over is set aside, not followed", async () => {
  for (
    const change of [
      "UPDATE meta SET value = 'roog' WHERE key = 'collector'",
      "UPDATE meta SET value = value + 4096 WHERE key = 'epoch'",
      "UPDATE meta SET value = '1' || value WHERE key = 'seal'",
    ]
  ) {
    await using folder = new BufferFolder();
    {
      await using buffer = folder.open({ collector: "roof" });
      await buffer.append(numbered(1, 10));
      await buffer.commit("file", 3, []);
      await buffer.renewEpoch();
    }
    {
      await using buffer = folder.open({ collector: "roof" });
      assert.equal(buffer.setAside, undefined, change);
      await buffer.commit("file", 5, []);
    }
    {
      using look = folder.look();
      look.run(change);
    }
    await using buffer = folder.open({ collector: "roof" });
    assert.notEqual(buffer.setAside, undefined, change);
    assert.equal(buffer.collector, "roof");
  }
});

Deno.test("positions that somebody else changed are known to be", async () => {
  for (
    const [change, want] of [
      ["UPDATE output_cursor SET position = position", false],
      ["UPDATE output_cursor SET position = position + 4", true],
      ["UPDATE output_cursor SET output = 'fime'", true],
      ["DELETE FROM meta WHERE key = 'seal'", false],
    ] as const
  ) {
    await using folder = new BufferFolder();
    {
      await using buffer = folder.open();
      await buffer.append(numbered(1, 10));
      await buffer.commit("file", 3, []);
    }
    {
      using look = folder.look();
      look.run(change);
    }
    {
      await using buffer = folder.open();
      assert.deepEqual([buffer.hasForeignPositions, buffer.setAside], [want, undefined], change);
    }
    await using buffer = folder.open();
    assert.equal(buffer.hasForeignPositions, false, "told once");
  }
});

Deno.test("a device's name that turned over is given anew", async () => {
  await using folder = new BufferFolder();
  await using buffer = folder.open();
  assert.equal(await buffer.deviceId("Helio-1", "127.0.0.1:502/1", false), "Helio-1");
  assert.equal(
    await buffer.deviceId("Helio-1", "127.0.0.2:502/1", true),
    "Helio-1@127.0.0.2:502/1",
  );
  using look = folder.look();
  look.run("UPDATE device_id SET id = 'Hemio-1' WHERE id = 'Helio-1'");
  assert.equal(await buffer.deviceId("Helio-1", "127.0.0.1:502/1", false), "Helio-1");
  assert.equal(await buffer.deviceId("Helio-1", "127.0.0.1:502/1", true), "Helio-1");
});

Deno.test("a log whose bits turned over is kept, and that commits are lost is known", async () => {
  await using folder = new BufferFolder();
  await using crashed = new BufferFolder();
  {
    await using buffer = folder.open({ commitIntervalMs: 0 });
    for (let first = 1; first <= 50; first += 10) await buffer.append(numbered(first, first + 9));
    for (const suffix of ["", "-wal"]) {
      await Deno.copyFile(folder.path + suffix, crashed.path + suffix);
    }
  }
  const log = await Deno.readFile(`${crashed.path}-wal`);
  log[log.length >> 1] = (log[log.length >> 1] ?? 0) ^ 1;
  await Deno.writeFile(`${crashed.path}-wal`, log);
  {
    await using buffer = crashed.open();
    assert.deepEqual(await Deno.readFile(buffer.damagedLog ?? ""), log);
    assert.equal(buffer.setAside, undefined);
    const { length } = await buffer.read("file", ALL);
    assert.ok(length < 50 && length % 10 === 0, `${length} rows`);
  }
  await using buffer = crashed.open();
  assert.equal(buffer.damagedLog, undefined);
});

Deno.test("an index that disagrees with its table is made anew when a row could not be dropped", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = folder.open();
    await buffer.append(numbered(1, 5, { createdAt: 7000 }));
  }
  changeTable(folder, 7000, 7001);
  {
    await using buffer = folder.open();
    await assert.rejects(buffer.read("file", ALL), /malformed/);
    assert.ok(buffer.broken.aborted);
  }
  await using buffer = folder.open();
  assert.equal(buffer.setAside, undefined);
  const read = await buffer.read("file", ALL);
  assert.equal(textsOf(read).filter((text) => !text.startsWith("{")).length, 4);
  assert.equal((await buffer.stats()).deadLetters, 1);
});

Deno.test("a small table whose index names another output is put right at the start", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = folder.open();
    await buffer.append(numbered(1, 5));
    await buffer.commit("file", 2, []);
  }
  const bytes = await Deno.readFile(folder.path);
  const [page = 0] = pagesOf(folder, "sqlite_autoindex_output_cursor_1");
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, page * 4096));
  bytes.set(new TextEncoder().encode("fime"), text.lastIndexOf("file"));
  await Deno.writeFile(folder.path, bytes);

  await using buffer = folder.open();
  assert.equal(buffer.setAside, undefined);
  assert.deepEqual(textsOf(await buffer.read("file", ALL)), ["3", "4", "5"]);
});

/** Changes a number where the table has it first, and leaves the index alone. */
function changeTable(folder: BufferFolder, from: number, to: number): void {
  const bytes = Deno.readFileSync(folder.path);
  const page = pagesOf(folder, "telemetry_queue")[0] ?? assert.fail();
  const start = (page - 1) * 4096;
  const at = bytes.findLastIndex((byte, i) =>
    i > start && i < start + 4096 && byte === from >> 8 && bytes[i + 1] === (from & 255)
  );
  bytes[at + 1] = to & 255;
  Deno.writeFileSync(folder.path, bytes);
}
