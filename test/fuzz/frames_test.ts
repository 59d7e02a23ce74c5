import assert from "node:assert/strict";
import { Chance } from "../modbus/chance.ts";
import { fuzzFrames } from "./frames.ts";
import { framings } from "./framings.ts";

/** Of each framing. */
const FRAMES = 4_000_000;

for (const framing of framings) {
  Deno.test(`four million mutated replies over ${framing.name}: only the answer is accepted`, () => {
    const { seed } = new Chance();
    const counts = fuzzFrames(framing, { frames: FRAMES, seed });
    for (const [outcome, count] of Object.entries(counts)) {
      const isNever = framing.never.some((never) => never === outcome);
      const isRight = isNever ? count === 0 : count > FRAMES / 1000;
      assert.ok(isRight, `${count} times ${outcome}, seed ${seed}`);
    }
  });
}
