import { decodeValue, type ModelImage } from "./decode.ts";
import type { Layout } from "./layout.ts";

/** The point that says what an inverter does, by model. */
const STATE_POINTS: Readonly<Record<number, string>> = {
  ...{ 101: "St", 102: "St", 103: "St", 111: "St", 112: "St", 113: "St" },
  701: "InvSt",
};

/** What an inverter says before it goes dark with the sun. */
const REST: ReadonlySet<unknown> = new Set(["OFF", "SLEEPING", "SHUTTING_DOWN", "STANDBY"]);

/** Whether an inverter model says that it rests; undefined = the model does not say what it does. */
export function restOf(layout: Layout, image: ModelImage): boolean | undefined {
  const name = STATE_POINTS[layout.model.id];
  const leaf = name && layout.data.find((leaf) => leaf.name === name);
  const state = leaf ? decodeValue(leaf, image).shown : null;
  return state === null ? undefined : REST.has(state);
}
