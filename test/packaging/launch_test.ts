import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { LAUNCH_WORDS, V8_FLAGS } from "../../scripts/build/launch.ts";
import { programWords } from "../../scripts/build/try.ts";
import { run, temporaryFolder } from "../program.ts";

Deno.test("from source it is started with the memory that the packages start it with", () => {
  assert.ok(LAUNCH_WORDS.includes(V8_FLAGS));
  assert.equal(config.tasks.sunspool, `deno run -A --no-prompt ${V8_FLAGS} main.ts`);
});

Deno.test("V8 knows the words it is started with, and those of the environment beside them", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await Deno.mkdir(`${cwd}/program`);
  const text = 'const { default: v8 } = await import("node:v8");' +
    "console.log(v8.getHeapStatistics().heap_size_limit / 2 ** 20);";
  await Deno.writeTextFile(`${cwd}/program/sunspool.js`, text);
  const limit = async (env: Readonly<Record<string, string>>) => {
    const { out, err, code } = await run([], { cwd, program: programWords("."), env });
    assert.deepEqual([code, err], [0, ""]);
    return Number(out);
  };
  const plain = await limit({});
  const bounded = await limit({ DENO_V8_FLAGS: "--max-old-space-size=200" });
  // The young generation comes on top: three times 16 MiB.
  assert.equal(bounded, 248);
  assert.ok(plain > bounded);
});
