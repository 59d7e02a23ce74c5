import assert from "node:assert/strict";
import { run, temporaryFolder } from "../program.ts";

const README = await Deno.readTextFile(new URL("../../README.md", import.meta.url));

Deno.test("the configuration file in the README can be used as it stands", async () => {
  using folder = temporaryFolder();
  const [, toml] = /```toml\n([^]*?)```/.exec(README) ?? [];
  assert.ok(toml, "the README has a TOML block");
  await Deno.writeTextFile(`${folder.path}/sunspool.toml`, toml);
  const { code, err } = await run(["config", "check", "--config", "sunspool.toml"], {
    cwd: folder.path,
  });
  assert.equal(code, 0, err);
});

Deno.test("every file that the README links to is there", async () => {
  const links = [...README.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path = ""]) => path);
  assert.ok(links.length > 3);
  for (const path of links) await Deno.stat(new URL(`../../${path}`, import.meta.url));
});
