import assert from "node:assert/strict";
import { Chance } from "../modbus/chance.ts";
import { fuzzFrames } from "./frames.ts";
import { framings } from "./framings.ts";

/** Of each framing. */
const FRAMES = 5_000_000;

for (const framing of framings) {
  Deno.test(`five million mutated ${framing.name} replies: only the answer is accepted`, () => {
    const { seed } = new Chance();
    const counts = fuzzFrames(framing, { frames: FRAMES, seed });
    for (const [outcome, count] of Object.entries(counts)) {
      if (outcome === "stale" && !framing.hasStale) assert.equal(count, 0);
      else assert.ok(count > FRAMES / 1000, `only ${count} times ${outcome}, seed ${seed}`);
    }
  });
}
