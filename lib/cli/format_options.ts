import { choice, say } from "./values.ts";
import { object } from "./word_groups.ts";
import { flag, map, option, optional } from "./words.ts";
import type { Format } from "./print.ts";

const FORMATS: readonly Format[] = ["table", "json", "ndjson", "csv"];

/** `--format` and `--json`. */
export const formatOptions = map(
  object({
    format: optional(
      option("--format", "-f", choice(FORMATS, { metavar: "FORMAT" }), {
        description: say("How to print; table by default"),
      }),
    ),
    json: flag("--json", { description: say("The same as --format json") }),
  }),
  ({ format, json }): Format => format ?? (json ? "json" : "table"),
);
