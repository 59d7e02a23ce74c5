import assert from "node:assert/strict";
import { hasLostCommits } from "../../lib/buffer/log_damage.ts";
import { BufferFolder, numbered } from "./buffer_folder.ts";

/** Header, then frames of a header and a page. */
const [HEADER, FRAME] = [32, 24 + 4096];

/** The log of a buffer with some commits, as a killed process leaves it. */
async function log(): Promise<Uint8Array> {
  await using folder = new BufferFolder();
  await using buffer = folder.open({ commitIntervalMs: 0 });
  for (let first = 1; first <= 100; first += 10) await buffer.append(numbered(first, first + 9));
  return await Deno.readFile(`${folder.path}-wal`);
}

/** First frames behind the ends of transactions. */
function ends(bytes: Uint8Array): number[] {
  const words = new DataView(bytes.buffer);
  const frames = Array.from({ length: (bytes.length - HEADER) / FRAME }, (_, i) => i);
  return frames.filter((i) => words.getUint32(HEADER + i * FRAME + 4) !== 0).map((i) => i + 1);
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const other = bytes.slice();
  other[at] = (other[at] ?? 0) ^ 0x10;
  return other;
}

Deno.test("a sound log, a part of one and an empty one have lost no commits", async () => {
  const bytes = await log();
  assert.equal(hasLostCommits(bytes), false);
  for (const length of [0, 1, HEADER, HEADER + 1, HEADER + FRAME, HEADER + 3 * FRAME + 700]) {
    assert.equal(hasLostCommits(bytes.subarray(0, length)), false, `${length} bytes`);
  }
  assert.equal(hasLostCommits(new Uint8Array(HEADER + 4 * FRAME)), false, "never written");
});

Deno.test("one bit anywhere before the last transaction is seen, whatever it says", async () => {
  const bytes = await log();
  const last = HEADER + (ends(bytes).at(-2) ?? assert.fail()) * FRAME;
  for (let at = 0; at < last; at += at < HEADER ? 1 : 97) {
    assert.equal(hasLostCommits(flipped(bytes, at)), true, `byte ${at}`);
  }
});

Deno.test("a last transaction whose pages are not whole is what a crash leaves", async () => {
  const bytes = await log();
  const last = HEADER + (ends(bytes).at(-2) ?? assert.fail()) * FRAME;
  for (let at = last + 24; at < bytes.length; at += FRAME) {
    assert.equal(hasLostCommits(flipped(bytes, at)), false, `byte ${at}`);
  }
});

Deno.test("frames of an earlier round of the log are no loss", async () => {
  const bytes = await log();
  const end = HEADER + (ends(bytes)[2] ?? assert.fail()) * FRAME;
  for (let at = end; at < bytes.length; at += FRAME) {
    // An earlier round had another salt.
    bytes[at + 8] = (bytes[at + 8] ?? 0) ^ 1;
  }
  assert.equal(hasLostCommits(bytes), false);
});
