import assert from "node:assert/strict";
import { run, simulate, temporaryFolder } from "../program.ts";

Deno.test("decode", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  {
    await using simulation = await simulate(["--device", "1,103"], here);
    const [endpoint] = simulation.endpoints;
    const stored = await run(
      [
        ...["poll", endpoint, "--buffer", "--count", "20", "--interval", "10ms"],
        ...["--set", "buffer.commit_interval_ms=0"],
      ],
      here,
    );
    assert.equal(stored.code, 0, stored.err);
    // Five blocks of at most five readings.
    const drained = await run(["drain", "--set", "buffer.batch_size=5"], here);
    assert.equal(drained.code, 0, drained.err);
  }
  const [{ name } = assert.fail()] = [...Deno.readDirSync(`${folder.path}/readings`)];
  const whole = `readings/${name}`;
  const bytes = await Deno.readFile(`${folder.path}/${whole}`);
  const all = (await run(["decode", whole], here)).out;
  assert.equal(all.trimEnd().split("\n").length, 21);

  await t.step("standard input is as good as a file", async () => {
    assert.deepEqual(await run(["decode", "-"], { ...here, stdin: bytes }), {
      code: 0,
      out: all,
      err: "",
    });
  });

  await t.step("several files are printed one after the other", async () => {
    assert.deepEqual(await run(["decode", whole, whole], here), {
      code: 0,
      out: all + all,
      err: "",
    });
  });

  await t.step("a truncated file gives every whole block, then says where it ends", async () => {
    for (
      const [length, why] of [
        [bytes.length - 1, "it ends in the middle of a block"],
        [Math.floor(bytes.length / 2), "it ends"],
        [100, "it ends before its header does"],
        [3, "it ends before its header does"],
        [0, "it ends before its header does"],
      ] as const
    ) {
      await Deno.writeFile(`${folder.path}/cut.avro`, bytes.subarray(0, length));
      for (
        const [file, stdin] of [["cut.avro", undefined], ["-", bytes.subarray(0, length)]] as const
      ) {
        const surroundings = stdin === undefined ? here : { ...here, stdin };
        const { code, out, err } = await run(["decode", file], surroundings);
        assert.equal(code, 1);
        assert.ok(all.startsWith(out) && out.length < all.length, file);
        assert.ok(err.startsWith(`error: Cannot decode "${file}" to its end: ${why}`), err);
        assert.equal(err.split("\n").length, 2);
      }
    }
    await Deno.writeFile(`${folder.path}/cut.avro`, bytes.subarray(0, bytes.length - 1));
    const { out } = await run(["decode", "cut.avro"], here);
    assert.equal(out.trimEnd().split("\n").length, 20);
  });

  await t.step("what is no container, or damaged, is told in one line", async () => {
    await Deno.writeTextFile(`${folder.path}/text.avro`, "readings, but not ours\n".repeat(100));
    const damaged = bytes.slice();
    damaged.fill(0xff, bytes.length - 200, bytes.length - 100);
    await Deno.writeFile(`${folder.path}/damaged.avro`, damaged);
    for (
      const [file, why] of [
        ["text.avro", "it does not begin with Obj and 1"],
        ["damaged.avro", ""],
        ["missing.avro", "no such file"],
        ["readings", "Is a directory"],
      ] as const
    ) {
      const { code, err } = await run(["decode", file], here);
      assert.equal(code, 1, file);
      assert.ok(err.startsWith(`error: Cannot decode "${file}"`), err);
      assert.ok(err.includes(why), err);
      assert.equal(err.split("\n").length, 2, err);
    }
  });

  await t.step("one bad file among good ones is a partial failure", async () => {
    const { code, out, err } = await run(["decode", "missing.avro", whole], here);
    assert.deepEqual([code, out], [3, all]);
    assert.equal(err, 'error: Cannot decode "missing.avro": no such file\n');
    assert.equal((await run(["decode", "missing.avro", "text.avro"], here)).code, 1);
  });
});
