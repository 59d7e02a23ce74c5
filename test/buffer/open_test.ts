import assert from "node:assert/strict";
import { SqliteBuffer, SqliteCode, sqliteCode } from "../../lib/buffer/mod.ts";
import { ConfigError, RefusedError } from "../../lib/core/mod.ts";
import { ALL, BufferFolder, entries, entry, gapsOf, OPTIONS, textsOf } from "./buffer_folder.ts";
import { diskTest } from "./small_disk.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("missing folders are made", async () => {
  await using folder = new BufferFolder();
  await using buffer = folder.open({ path: `${folder.folder}/a/b/c.sqlite` });
  await buffer.append(entries("a"));
});

Deno.test("what is no place for a file is refused as a fault of the configuration", async () => {
  await using folder = new BufferFolder();
  await Deno.writeTextFile(`${folder.folder}/file`, "");
  await Deno.mkdir(`${folder.folder}/folder`);
  for (const name of ["folder", "file/buffer.sqlite"]) {
    const path = `${folder.folder}/${name}`;
    assert.throws(() => folder.open({ path }), (error) => {
      assert.ok(error instanceof ConfigError, path);
      assert.match(error.message, /^Cannot open buffer "/);
      return true;
    });
  }
  assert.deepEqual(folder.names(), ["file", "folder"]);
});

diskTest("a file or folder that is read-only is refused", 4096, async (disk) => {
  const path = `${disk.folder}/buffer.sqlite`;
  {
    await using buffer = new SqliteBuffer({ ...OPTIONS, path });
    await buffer.append(entries("a"));
  }
  await disk.remount("ro");
  for (const there of [path, `${disk.folder}/other/buffer.sqlite`]) {
    assert.throws(() => new SqliteBuffer({ ...OPTIONS, path: there }), RefusedError, there);
  }
  await disk.remount("rw");
  await using buffer = new SqliteBuffer({ ...OPTIONS, path });
  assert.deepEqual(textsOf(await buffer.read("file", ALL)), ["a"]);
});

Deno.test("a file that SQLite finds read-only is refused", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = folder.open();
    await buffer.append(entries("a"));
  }
  // Its log cannot be made: to SQLite the same as a folder where nothing may be written.
  await Deno.mkdir(`${folder.path}-wal/in-the-way`, { recursive: true });
  assert.throws(() => folder.open(), (error) => {
    assert.ok(error instanceof RefusedError);
    assert.match(error.message, /the file or its folder is read-only/);
    return true;
  });
});

diskTest(
  "on a full disk readings are refused, and taken again once there is room",
  4096,
  async (disk) => {
    await using buffer = new SqliteBuffer({ ...OPTIONS, path: `${disk.folder}/buffer.sqlite` });
    await buffer.append(entries("before"));
    const filler = await disk.fill();
    // More than the ballast makes room for.
    const payload = new Uint8Array(3_000_000);
    await assert.rejects(buffer.append([entry("", { payload })]), (error) => {
      assert.equal(sqliteCode(error), SqliteCode.full);
      return true;
    });
    await Deno.remove(filler);
    await buffer.append(entries("after"));
    const read = await buffer.read("file", ALL);
    assert.deepEqual(textsOf(read).filter((text) => !text.startsWith("{")), ["before", "after"]);
    assert.deepEqual(gapsOf(read).map(({ count, reason }) => [count, reason]), [[1, "disk_full"]]);
  },
);
