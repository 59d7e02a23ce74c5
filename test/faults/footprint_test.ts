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

/** Runs one of them with a number; `grow` tells it to go on, and resolves when it has done so. */
async function watched(
  program: string,
  number: number,
  look: (footprint: Footprint, grow: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=js", program, String(number)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const [lines, input] = [child.stdout.getReader(), child.stdin.getWriter()];
  using footprint = new Footprint(child.pid);
  assert.equal(footprint.growthMib, 0);
  await lines.read();
  footprint.settled();
  await look(footprint, async () => {
    await input.write(new Uint8Array(1));
    await lines.read();
  });
  await input.close();
  await lines.cancel();
}

Deno.test("a process that grows beyond the bound is seen, one that does not is not", async () => {
  for (const [mib, isSeen] of [[GROWTH_MIB + 100, true], [20, false]] as const) {
    await watched(PROGRAM, mib, async (footprint, grow) => {
      await grow();
      assert.equal(footprint.growthMib > GROWTH_MIB, isSeen, `${footprint.growthMib} MiB`);
      assert.ok(footprint.growthMib >= mib - 5, `${footprint.growthMib} MiB`);
    });
  }
});

Deno.test("files that stay open are counted, and too many of them are no longer bounded", async () => {
  for (const [count, isBounded] of [[MORE_FILES + 8, false], [4, true]] as const) {
    await watched(OPENER, count, async (footprint, grow) => {
      footprint.requireBounded();
      await grow();
      assert.ok(footprint.moreFiles >= count - 3, `${footprint.moreFiles} more`);
      if (isBounded) footprint.requireBounded();
      else assert.throws(() => footprint.requireBounded(), { name: "Violation" });
    });
  }
});
