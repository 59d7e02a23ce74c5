import { defineCommand } from "../lib/cli/define.ts";
import { type Format, type Io, print } from "../lib/cli/mod.ts";
import { choice, say } from "../lib/cli/values.ts";
import { merge, object } from "../lib/cli/word_groups.ts";
import { argument } from "../lib/cli/words.ts";
import { configOf, configOptions, formatOptions } from "../lib/compose/options.ts";
import {
  type Config,
  configSchema,
  obstaclesOf,
  printedValues,
  settings,
  warningsOf,
} from "../lib/config/mod.ts";

/** `sunspool config`. */
export const command = defineCommand({
  name: "config",
  summary: "Check, print or describe the configuration",
  description:
    "check says whether the configuration can be used, with every fault in it; print shows the effective " +
    "values and where each comes from, secrets hidden; schema prints the JSON Schema of the file.",
  examples: [
    ["sunspool config check --config sunspool.toml", "exit code 78 and one line for each fault"],
    ["sunspool config print", "what would be used here and now"],
    ["sunspool config schema > sunspool.schema.json", "for editors that complete and check"],
  ],
  needs: { read: "always" },
  parser: merge(
    object({
      action: argument(choice(["check", "print", "schema"], { metavar: "ACTION" }), {
        description: say("check, print or schema"),
        errors: { endOfInput: say("Missing ACTION: check, print or schema") },
      }),
      format: formatOptions,
    }),
    configOptions,
  ),
  async run({ action, format, ...flags }, io) {
    if (action === "schema") io.out(`${JSON.stringify(configSchema(), null, 2)}\n`);
    else if (action === "check") await check(configOf(flags, io), io);
    else printValues(configOf(flags, io), format, io);
  },
});

async function check(config: Config, io: Io): Promise<void> {
  const { sunspecDefinitions } = await import("../lib/drivers/mod.ts");
  await sunspecDefinitions(config.get(settings.sunspec.modelsDir));
  const warnings = [...warningsOf(config), ...obstaclesOf(config)];
  for (const warning of warnings) io.err(`warning: ${warning}\n`);
  io.out(`${config.file ?? "no file, defaults and environment"}: ok\n`);
}

function printValues(config: Config, format: Format, io: Io): void {
  const values = printedValues(config);
  print(io, format, {
    documents: values.map((value) => ({ ...value })),
    table: {
      columns: ["key", "value", "origin", "env"],
      rows: values.map(({ key, value, origin, env }) => [key, value, origin, env]),
    },
    isSingle: false,
  });
}
