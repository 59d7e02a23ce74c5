import assert from "node:assert/strict";
import { compileFor } from "../../scripts/build/compile_for.ts";
import { isProgramFor, TARGETS } from "../../scripts/build/targets.ts";
import { run, temporaryFolder } from "../program.ts";

const SCRIPT = new URL("../../scripts/compile.ts", import.meta.url).pathname;
const FOR = new URL("../../scripts/build/compile_for.ts", import.meta.url).href;
const NATIVE = "x86_64-unknown-linux-gnu";

/** Compiles a small program for a target, with this environment; `out` says what became of it. */
async function compileIn(
  cwd: string,
  { target, env }: { target: string; env: Readonly<Record<string, string>> },
) {
  await Deno.writeTextFile(`${cwd}/source.js`, "console.log(1);\n");
  await Deno.writeTextFile(
    `${cwd}/try.ts`,
    `import { compileFor } from ${JSON.stringify(FOR)};
     const denort = Deno.env.get("DENORT_BIN");
     console.log(await compileFor("${target}", { source: "source.js", output: "made", denort })
       .catch((error) => error.message));`,
  );
  const ended = await run([], { cwd, env, program: ["run", "-A", "--no-check", "try.ts"] });
  assert.equal(ended.code, 0, ended.err);
  assert.ok(
    [...Deno.readDirSync(cwd)].every(({ name }) => !/^(made|compile-)/.test(name)),
    "nothing is kept",
  );
  return ended.out.trim();
}

Deno.test("a target that does not exist is wrong usage", async () => {
  using folder = temporaryFolder();
  const { code, err, out } = await run(["--target", "riscv64"], {
    cwd: folder.path,
    program: ["run", "-A", SCRIPT],
  });
  assert.equal(code, 2);
  assert.equal(out, "");
  assert.match(
    err,
    /^Cannot compile for "riscv64": use one of x86_64-unknown-linux-gnu, .*, all$/m,
  );
});

Deno.test("a runtime stub that cannot be fetched is said, with two ways out", async () => {
  for (const target of Object.keys(TARGETS)) {
    using folder = temporaryFolder();
    // A cache without a stub, and a proxy that refuses.
    const env = { DENO_DIR: `${folder.path}/cache`, HTTPS_PROXY: "http://127.0.0.1:1" };
    const said = await compileIn(folder.path, { target, env });
    assert.equal(
      said,
      `Cannot compile for ${target}: the runtime stub (denort) of Deno ${Deno.version.deno} could ` +
        "not be fetched.\nTwo ways out: set DENORT_BIN to a denort of this version and target, or " +
        "use deno task package, which needs only npm.",
    );
  }
});

Deno.test("a DENORT_BIN that is none is found out, and what was made of it is removed", async (t) => {
  const cases = [
    ["there is none", "gone", NATIVE, /: DENORT_BIN "gone" is not there$/],
    [
      "plain deno",
      Deno.execPath(),
      Deno.build.target,
      /is not sunspool .*\nNothing was kept\. Is D/,
    ],
    [
      "for another machine",
      Deno.execPath(),
      Deno.build.target === NATIVE ? "aarch64-unknown-linux-gnu" : NATIVE,
      /^Cannot compile for .*\nNothing was kept\. Is D/s,
    ],
  ] as const;
  for (const [name, denort, target, wanted] of cases) {
    await t.step(name, async () => {
      using folder = temporaryFolder();
      const env = { DENORT_BIN: denort };
      assert.match(await compileIn(folder.path, { target, env }), wanted);
    });
  }
});

Deno.test("what was made for one target is not taken for another", async () => {
  const own = Deno.execPath();
  for (const target of Object.keys(TARGETS)) {
    assert.equal(await isProgramFor(target, own), target === Deno.build.target, target);
  }
});

Deno.test("an earlier program does not stay when compiling fails", async () => {
  using folder = temporaryFolder();
  const output = `${folder.path}/made`;
  await Deno.writeTextFile(output, "earlier");
  await assert.rejects(
    compileFor(NATIVE, { source: "source.js", output, denort: `${folder.path}/gone` }),
  );
  await assert.rejects(Deno.stat(output));
});
