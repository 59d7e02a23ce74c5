import assert from "node:assert/strict";
import { BytePool } from "../../lib/byte_pool.ts";
import { Chance } from "../modbus/chance.ts";

Deno.test("a copy stays as it was made, whatever is copied after it", () => {
  const chance = new Chance();
  const pool = new BytePool(8192);
  const source = new Uint8Array(260);
  const made = Array.from({ length: 200 }, () => {
    for (let at = 0; at < source.length; at++) source[at] = chance.below(256);
    const bytes = source.subarray(0, chance.below(source.length + 1));
    return { copy: pool.copy(bytes), want: bytes.toHex() };
  });
  for (const { copy, want } of made) assert.equal(copy.toHex(), want, chance.seed.toString());
  assert.ok(new Set(made.map(({ copy }) => copy.buffer)).size < 10);
});
