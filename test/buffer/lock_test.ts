import assert from "node:assert/strict";
import { TryLaterError } from "../../lib/core/mod.ts";
import { ALL, BufferFolder, entries, textsOf } from "./buffer_folder.ts";
import { Child } from "./child_process.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const PROGRAM = new URL("./child.ts", import.meta.url);

Deno.test("one may append and one may drain at the same time, and anyone may look", async () => {
  for (
    const [first, second, isFree] of [
      ["collect", "collect", false],
      ["collect", "append", false],
      ["collect", "drain", false],
      ["collect", "maintain", true],
      ["append", "collect", false],
      ["append", "append", false],
      ["append", "drain", true],
      ["drain", "append", true],
      ["drain", "drain", false],
      ["maintain", "collect", true],
      ["maintain", "maintain", true],
    ] as const
  ) {
    await using folder = new BufferFolder();
    await using _buffer = folder.open({ role: first });
    const open = () => folder.open({ role: second });
    if (isFree) {
      await using _other = open();
    } else {
      assert.throws(open, (error) => {
        assert.ok(error instanceof TryLaterError);
        assert.match(error.message, /^Cannot use buffer ".*": another (collect|drain)/);
        return true;
      }, `${first}, then ${second}`);
    }
  }
});

Deno.test("one process appends while another drains", async () => {
  await using folder = new BufferFolder();
  await using draining = folder.open({ role: "drain" });
  await using appending = folder.open({ role: "append" });
  for (const name of ["a", "b"]) {
    await appending.append(entries(name));
    const read = await draining.read("file", ALL);
    assert.deepEqual(textsOf(read), [name]);
    await draining.commit("file", read.at(-1)?.position ?? 0, []);
  }
});

Deno.test("a second process is refused until the first has ended, however it ends", async () => {
  await using folder = new BufferFolder();
  {
    await using child = new Child(PROGRAM, "hold", folder.path, "collect");
    assert.equal(await child.line(), "open");
    {
      await using second = new Child(PROGRAM, "hold", folder.path, "collect");
      assert.deepEqual(await second.rest(), ["TryLaterError"]);
    }
    assert.throws(() => folder.open({ role: "append" }), TryLaterError);
    assert.throws(() => folder.open({ role: "drain" }), TryLaterError);
    child.kill();
  }
  await using buffer = folder.open();
  await buffer.append(entries("a"));
});

Deno.test("closing gives the locks back, and so does an opening that fails", async () => {
  await using folder = new BufferFolder();
  for (let i = 0; i < 2; i++) {
    await using _buffer = folder.open();
  }
  assert.throws(() => folder.open({ collector: "another" }));
  await using _buffer = folder.open();
});

Deno.test("whoever is just opening the buffer for another task is in nobody's way", async () => {
  for (const [other, role] of [["append", "drain"], ["maintain", "collect"]] as const) {
    await using folder = new BufferFolder();
    await using child = new Child(PROGRAM, "reopen", folder.path, other);
    assert.equal(await child.line(), "open");
    for (let i = 0; i < 20; i++) {
      await using _buffer = folder.open({ role });
    }
  }
});

Deno.test({
  name: "what root makes beside a buffer of somebody else's is theirs",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    const NOBODY = 65_534;
    await using folder = new BufferFolder();
    await folder.open()[Symbol.asyncDispose]();
    for (const name of folder.names()) {
      if (name.endsWith(".lock")) Deno.removeSync(`${folder.folder}/${name}`);
      else Deno.chownSync(`${folder.folder}/${name}`, NOBODY, NOBODY);
    }
    await using _looked = folder.open({ role: "maintain" });
    const locks = folder.names().filter((name) => name.endsWith(".lock"));
    assert.ok(locks.length > 0);
    for (const name of locks) {
      assert.equal(Deno.statSync(`${folder.folder}/${name}`).uid, NOBODY, name);
    }
    // What has another name too is not given away: the owner may have put it there.
    const [lock = ""] = locks.map((name) => `${folder.folder}/${name}`);
    Deno.removeSync(lock);
    const roots = `${folder.folder}/roots`;
    Deno.writeTextFileSync(roots, "");
    Deno.linkSync(roots, lock);
    await using _again = folder.open({ role: "maintain" });
    assert.equal(Deno.statSync(roots).uid, 0);
  },
});
