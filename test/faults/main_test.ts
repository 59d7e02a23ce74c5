import assert from "node:assert/strict";
import { experiments } from "./mod.ts";

const MAIN = new URL("main.ts", import.meta.url).pathname;

Deno.test("faults explains itself, and refuses what it cannot do in a line", async () => {
  for (
    const [args, wanted, said] of [
      [["--help"], 0, /^$/],
      [["-h"], 0, /^$/],
      [["--onyl", "3"], 2, /^error: .*'--onyl'.*\ntry: --help\n$/],
      [["3"], 2, /^error: .*'3'.*\ntry: --help\n$/],
      [
        ["--only", "3,99"],
        2,
        /^error: Cannot run experiment "99": there are [\d, ]+\ntry: --help\n$/,
      ],
      [["--cycles", "many"], 2, /^error: Cannot use --cycles "many": .*\ntry: --help\n$/],
      [["--seed", "1.5"], 2, /^error: Cannot use --seed "1\.5": .*\ntry: --help\n$/],
    ] as const
  ) {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", MAIN, ...args],
      env: { NO_COLOR: "1" },
    });
    const { code, stdout, stderr } = await command.output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.equal(code, wanted, `${args.join(" ")}: ${err}`);
    assert.match(err ?? "", said);
    if (wanted !== 0) continue;
    assert.match(out ?? "", /^Usage: deno task faults /);
    for (const { number, name } of experiments) {
      assert.ok(out?.includes(`  ${String(number).padStart(2)}  ${name}\n`), name);
    }
  }
});
