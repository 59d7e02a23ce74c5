import assert from "node:assert/strict";
import { MIGRATIONS, SCHEMA_VERSION } from "../../lib/buffer/schema.ts";
import { ALL, BufferFolder, entries, textsOf } from "./buffer_folder.ts";
import { Child } from "./child_process.ts";
import { makeVersion1 } from "./version_1.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const PROGRAM = new URL("./child.ts", import.meta.url);

/** Everything that says how a file is made. */
function shapeOf(folder: BufferFolder): unknown[][] {
  using look = folder.look();
  return look.rows(
    'SELECT m.name, p.name, p.type, p."notnull", p.dflt_value, p.pk FROM sqlite_master m ' +
      "LEFT JOIN pragma_table_info(m.name) p WHERE m.name NOT LIKE 'sqlite_%' ORDER BY 1, p.cid",
  );
}

Deno.test("a file of the first version becomes one of this version, with all that is in it", async () => {
  await using folder = new BufferFolder();
  await using made = new BufferFolder();
  makeVersion1(folder.path, ["1", "2", "3"]);
  {
    await using buffer = folder.open();
    assert.deepEqual(textsOf(await buffer.read("file", ALL)), ["2", "3"]);
    const { collector, epoch, position, incarnations } = await buffer.local("file");
    assert.deepEqual([collector, epoch, position], ["roof", 1_763_694_000_000, 1]);
    assert.deepEqual(incarnations[0], { id: "of version 1", first: 1, last: 3 });
    assert.equal((await buffer.stats()).deadLetters, 1);
    await buffer.append(entries("4"));
    assert.deepEqual((await buffer.read("file", ALL)).at(-1)?.position, 4);
  }
  await using _new = made.open();
  assert.deepEqual(shapeOf(folder), shapeOf(made));
  using look = folder.look();
  assert.deepEqual(look.column("PRAGMA user_version"), [SCHEMA_VERSION]);
});

Deno.test("a migration that is killed at any step has not happened", async () => {
  const steps = MIGRATIONS.slice(1).flat().length;
  await using folder = new BufferFolder();
  makeVersion1(folder.path, ["1", "2"]);
  const shape = shapeOf(folder);
  for (let step = 1; step <= steps; step++) {
    await using child = new Child(PROGRAM, "migrate", folder.path, String(step));
    assert.equal(await child.line(), `step ${step}`);
    child.kill();
    await child.rest();
    assert.deepEqual(shapeOf(folder), shape);
  }
  await using buffer = folder.open();
  assert.deepEqual(textsOf(await buffer.read("file", ALL)), ["2"]);
});
