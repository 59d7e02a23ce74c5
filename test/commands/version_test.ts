import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { run, temporaryFolder } from "../program.ts";

const { os, arch } = Deno.build;
const facts = { sunspool: manifest.version, deno: Deno.version.deno, os, arch };

Deno.test("version prints what it is, for people and for scripts", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  assert.deepEqual(await run(["version"], here), {
    code: 0,
    out: `sunspool ${facts.sunspool} (deno ${facts.deno}, ${os} ${arch})\n`,
    err: "",
  });
  assert.deepEqual(JSON.parse((await run(["version", "--json"], here)).out), facts);
  const csv = await run(["version", "--format", "csv"], here);
  const rows = [Object.keys(facts), Object.values(facts)];
  assert.equal(csv.out, rows.map((row) => `${row.join(",")}\r\n`).join(""));
  assert.equal((await run(["--version"], here)).out, `sunspool ${facts.sunspool}\n`);
});

Deno.test("the program itself shows help, topics and what it does not understand", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  for (
    const [args, code, out, err] of [
      [["--help"], 0, /^sunspool .*\n[^]*Usage: sunspool COMMAND/, /^$/],
      [["help", "exit-codes"], 0, /^CODE +MEANING\n0 +done\n/, /^$/],
      [["help", "endpoints"], 0, /^An endpoint is where a device is reached/, /^$/],
      [["help", "scan"], 0, /^Find devices on the network/, /^$/],
      [[], 2, /^$/, /^sunspool .*\n[^]*Usage: sunspool COMMAND/],
      [["reed"], 2, /^$/, /^error: There is no command "reed"; did you mean: sunspool read\?\n$/],
    ] as const
  ) {
    const ended = await run(args, here);
    assert.equal(ended.code, code);
    assert.match(ended.out, out);
    assert.match(ended.err, err);
  }
});
