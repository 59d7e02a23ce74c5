import { decodeValue, type ModelImage } from "./decode.ts";
import type { Layout, Leaf } from "./layout.ts";

/** The point that says what an inverter does, by model. */
const STATE_POINTS: Readonly<Record<number, string>> = {
  ...{ 101: "St", 102: "St", 103: "St", 111: "St", 112: "St", 113: "St" },
  701: "InvSt",
};

/** What an inverter says before it goes dark with the sun. */
const REST: ReadonlySet<unknown> = new Set(["OFF", "SLEEPING", "SHUTTING_DOWN", "STANDBY"]);

const stateLeaves = new WeakMap<Layout, Leaf | null>();

/** Found once, for devices share layouts; null = the model does not say what it does. */
function stateLeafOf(layout: Layout): Leaf | null {
  let leaf = stateLeaves.get(layout);
  if (leaf === undefined) {
    const name = STATE_POINTS[layout.model.id];
    leaf = layout.data.find((leaf) => leaf.name === name) ?? null;
    stateLeaves.set(layout, leaf);
  }
  return leaf;
}

/** Whether an inverter model says that it rests; undefined = the model does not say what it does. */
export function restOf(layout: Layout, image: ModelImage): boolean | undefined {
  const leaf = stateLeafOf(layout);
  const state = leaf ? decodeValue(leaf, image).shown : null;
  return state === null ? undefined : REST.has(state);
}
