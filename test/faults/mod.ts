import type { Experiment } from "./experiment.ts";
import { kill9 } from "./experiments/kill_9.ts";
import { sigterm } from "./experiments/sigterm.ts";

/** Every experiment, in the order of its number. */
export const experiments: readonly Experiment[] = [
  kill9,
  sigterm,
];
