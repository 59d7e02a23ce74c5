/**
 * Any bytes at all: mutated replies against requests, and devices whose registers may be anything.
 *
 *     deno task fuzz [--frames N] [--maps N] [--seed N]
 *
 * `--frames` counts those of each framing. Each portion has a seed of its own, printed with what
 * came of it. Exit code 1 when something was accepted, thrown or asked for that must not be.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { wholeNumber } from "../whole_number.ts";
import { fuzzFrames } from "./frames.ts";
import { framings } from "./framings.ts";
import { fuzzMaps } from "./maps.ts";

const FRAME_PORTION = 5_000_000;
const MAP_PORTION = 5000;

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "100000000" },
    maps: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});

const frames = wholeNumber("--frames", values.frames);
const maps = wholeNumber("--maps", values.maps);
const firstSeed = wholeNumber("--seed", values.seed);

/** How much there is to do in each portion, with its seed and how much will be done after it. */
function* portions(all: number, portion: number) {
  for (let done = 0, seed = firstSeed; done < all; seed++) {
    const count = Math.min(portion, all - done);
    done += count;
    yield { count, done, seed };
  }
}

for (
  const { count, done, seed } of portions(frames, FRAME_PORTION)
) {
  for (const framing of framings) {
    const counts = fuzzFrames(framing, { frames: count, seed });
    console.log(`${framing.name}: frames ${done}, seed ${seed}`, JSON.stringify(counts));
  }
}
for (const { count, done, seed } of portions(maps, MAP_PORTION)) {
  const counts = await fuzzMaps({ maps: count, seed });
  console.log(`maps ${done}, seed ${seed}`, JSON.stringify(counts));
}
