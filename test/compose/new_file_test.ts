import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { makeFile } from "../../lib/compose/new_file.ts";
import { TryLaterError } from "../../lib/core/mod.ts";
import { temporaryFolder } from "../program.ts";

Deno.test("a file that the disk has no room for is tried later, and nothing of it stays", async (t) => {
  for (
    const [name, fill] of [
      ["a file", () => Deno.writeTextFile("/dev/full", "x")],
      ["a database", (path: string) => {
        using database = new DatabaseSync(path);
        database.exec("PRAGMA max_page_count = 1; CREATE TABLE t(x); CREATE TABLE u(x)");
      }],
    ] as const
  ) {
    await t.step(name, async () => {
      using folder = temporaryFolder();
      const path = `${folder.path}/copy.sqlite`;
      await assert.rejects(makeFile(path, fill), (error) => {
        assert.ok(error instanceof TryLaterError);
        assert.equal(error.message, `Cannot write "${path}": the disk is full; free some of it`);
        return true;
      });
      assert.deepEqual([...Deno.readDirSync(folder.path)], []);
    });
  }
});
