import assert from "node:assert/strict";
import { Chance } from "../modbus/chance.ts";
import { ALL, BufferFolder, textsOf } from "./buffer_folder.ts";
import { Child } from "./child_process.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const PROGRAM = new URL("./child.ts", import.meta.url);
const CYCLES = 10;

/** Lets a process append until it is killed at any moment; gives the last position it told of. */
async function appendUntilKilled(path: string, lines: number): Promise<number> {
  await using child = new Child(PROGRAM, "append", path);
  let told = 0;
  for (let i = 0; i < lines; i++) told = Number(await child.line());
  child.kill();
  const rest = await child.rest();
  return Number(rest.at(-1) ?? told);
}

Deno.test("whatever was told to be on disk is there after kill -9, whole and in order", async () => {
  const chance = new Chance();
  await using folder = new BufferFolder();
  for (let cycle = 1; cycle <= CYCLES; cycle++) {
    try {
      const told = await appendUntilKilled(folder.path, 1 + chance.below(20));
      await using buffer = folder.open();
      const read = await buffer.read("file", ALL);
      assert.ok(read.length >= told, `${told} told, ${read.length} there`);
      // A commit of nine is there or not.
      assert.equal(read.length % 9, 0);
      assert.deepEqual(textsOf(read), read.map((_, i) => String(i + 1)));
      assert.deepEqual(read.map(({ position }) => position), read.map((_, i) => i + 1));
    } catch (cause) {
      throw chance.failure(cycle, cause);
    }
  }
});
