import { object } from "@optique/core/constructs";
import { map, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import type { Format } from "./print.ts";
import { millisecondsValue, say, unitIdsValue } from "./values.ts";

const FORMATS: readonly Format[] = ["table", "json", "ndjson", "csv"];

/** `--format` and `--json`. */
export const formatOptions = map(
  object({
    format: optional(
      option("--format", "-f", choice(FORMATS, { metavar: "FORMAT" }), {
        description: say("How to print; table by default"),
      }),
    ),
    json: option("--json", { description: say("The same as --format json") }),
  }),
  ({ format, json }): Format => format ?? (json ? "json" : "table"),
);

/** How to reach a device. */
export const deviceFlags = object("Device", {
  unit: withDefault(
    option("--unit", "-u", unitIdsValue, {
      description: say("Unit ids: 1, 1,3,126, 1-10, or auto to try those that vendors use"),
    }),
    [1],
  ),
  baseAddress: optional(
    option("--base-address", integer({ min: 0, max: 65_533, metavar: "ADDRESS" }), {
      description: say("Where the SunSpec map begins; found out when left out"),
    }),
  ),
  timeout: optional(
    option("--timeout", millisecondsValue, {
      description: say("How long to wait for an answer"),
    }),
  ),
  maxRegisters: optional(
    option("--max-registers", integer({ min: 1, max: 125, metavar: "N" }), {
      description: say("Registers to ask for at once"),
    }),
  ),
  modelsDir: optional(
    option("--models-dir", string({ metavar: "DIR" }), {
      description: say("Folder of own model definitions (*.json, smdx_*.xml)"),
    }),
  ),
});

/** What {@linkcode deviceFlags} gives. */
export type DeviceFlags = InferValue<typeof deviceFlags>;
