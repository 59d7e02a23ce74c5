import assert from "node:assert/strict";
import { Footprint, GROWTH_MIB, MORE_FILES } from "./footprint.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** Says when it has begun, and opens so many files when it is told to go on. */
const OPENER = `
console.log("begun");
await Deno.stdin.read(new Uint8Array(1));
const files = Array.from({ length: Number(Deno.args[0]) }, () => Deno.openSync("/dev/null"));
console.log(files.length);
await Deno.stdin.read(new Uint8Array(1));
`;

/** Says when it has begun, and takes up so many MiB more when it is told to go on. */
const PROGRAM = `
const [mib] = Deno.args;
console.log("begun");
await Deno.stdin.read(new Uint8Array(1));
const held = new Uint8Array(Number(mib) * 1024 ** 2).fill(1);
console.log("grown");
await Deno.stdin.read(new Uint8Array(1));
console.log(held.length);
`;

Deno.test("a process that grows beyond the bound is seen, one that does not is not", async () => {
  for (const [mib, isSeen] of [[GROWTH_MIB + 100, true], [20, false]] as const) {
    await using child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--ext=js", PROGRAM, String(mib)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const [lines, input] = [child.stdout.getReader(), child.stdin.getWriter()];
    using footprint = new Footprint(child.pid);
    assert.equal(footprint.growthMib, 0);
    await lines.read();
    footprint.settled();
    await input.write(new Uint8Array(1));
    await lines.read();
    assert.equal(footprint.growthMib > GROWTH_MIB, isSeen, `${footprint.growthMib} MiB`);
    assert.ok(footprint.growthMib >= mib - 5, `${footprint.growthMib} MiB`);
    await input.close();
    await lines.cancel();
  }
});

Deno.test("files that stay open are counted, and too many of them are no longer bounded", async () => {
  for (const [count, isBounded] of [[MORE_FILES + 8, false], [4, true]] as const) {
    await using child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--ext=js", OPENER, String(count)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const [lines, input] = [child.stdout.getReader(), child.stdin.getWriter()];
    using footprint = new Footprint(child.pid);
    await lines.read();
    footprint.settled();
    footprint.requireBounded();
    await input.write(new Uint8Array(1));
    await lines.read();
    assert.ok(footprint.moreFiles >= count - 3, `${footprint.moreFiles} more`);
    if (isBounded) footprint.requireBounded();
    else assert.throws(() => footprint.requireBounded(), { name: "Violation" });
    await input.close();
    await lines.cancel();
  }
});
