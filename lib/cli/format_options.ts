import { map, optional } from "@optique/core/modifiers";
import { object } from "@optique/core/constructs";
import { option } from "@optique/core/primitives";
import { choice } from "@optique/core/valueparser";
import type { Format } from "./print.ts";
import { say } from "./values.ts";

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
