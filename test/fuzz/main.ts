/**
 * Any bytes at all: mutated replies against requests, and devices whose registers may be anything.
 *
 *     deno task fuzz [--frames N] [--maps N] [--seed N]
 *
 * `--frames` counts those of each framing.
 * Exit code 1 when something was accepted, thrown or asked for that must not be.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { fuzzFrames } from "./frames.ts";
import { framings } from "./framings.ts";
import { fuzzMaps } from "./maps.ts";

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "100000000" },
    maps: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const frames = Number(values.frames);
const maps = Number(values.maps);
const seed = Number(values.seed);
console.log(`seed ${seed}`);
for (const framing of framings) {
  console.log(`${framing.name}: frames ${frames}`, fuzzFrames(framing, { frames, seed }));
}
console.log(`maps ${maps}`, await fuzzMaps({ maps, seed }));
