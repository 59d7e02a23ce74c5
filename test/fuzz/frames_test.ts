import assert from "node:assert/strict";
import { Chance } from "../modbus/chance.ts";
import { fuzzFrames } from "./frames.ts";
import { framings } from "./framings.ts";

const FRAMES = 10_000_000;

for (const framing of framings) {
  Deno.test(`ten million mutated ${framing.name} replies: only the answer is accepted`, () => {
    const { seed } = new Chance();
    const { accepted, ...others } = fuzzFrames(framing, { frames: FRAMES, seed });
    for (const [outcome, count] of Object.entries({ accepted, ...others })) {
      assert.ok(count > FRAMES / 1000, `only ${count} times ${outcome}, seed ${seed}`);
    }
  });
}
