import { defineCommand } from "../lib/cli/define.ts";
import { modelWords } from "../lib/compose/model_words.ts";
import { type Io, print } from "../lib/cli/mod.ts";
import { formatOptions } from "../lib/cli/format_options.ts";
import { choice, path, say, string } from "../lib/cli/values.ts";
import { object } from "../lib/cli/word_groups.ts";
import { argument, option, optional } from "../lib/cli/words.ts";
import { NotFoundError, UsageError } from "../lib/core/mod.ts";
import { sunspecDefinitions } from "../lib/drivers/mod.ts";
import type { Definitions, GroupDefinition } from "../lib/sunspec/mod.ts";

/** `sunspool models`. */
export const command = defineCommand({
  name: "models",
  summary: "List the known SunSpec models, or show one",
  description:
    "list prints every published model and those of --models-dir, which win; show prints the points of " +
    "one, with types, sizes in registers, scale factors, units and symbols.",
  examples: [
    ["sunspool models list", "all of them"],
    ["sunspool models show 103", "the points of a model, by id or name"],
  ],
  needs: { read: "start" },
  wordsFor: modelWords,
  parser: object({
    action: argument(choice(["list", "show"], { metavar: "ACTION" }), {
      description: say("list or show"),
    }),
    model: optional(argument(string({ metavar: "MODEL" }), { description: say("Id or name") })),
    modelsDir: optional(option("--models-dir", path({ metavar: "DIR" }), {
      description: say("Folder of own definitions (*.json, smdx_*.xml)"),
    })),
    format: formatOptions,
  }, { errors: { endOfInput: say("Missing ACTION: list or show") } }),
  async run({ action, model, modelsDir, format }, io) {
    const folder = modelsDir ?? io.env("SUNSPEC_MODELS_DIR");
    const definitions = await sunspecDefinitions(folder || undefined);
    io.giveUp(["read"]);
    if (action === "list") return listModels(definitions, format, io);
    if (model === undefined) {
      throw new UsageError("Name the model to show, as in: sunspool models show 103");
    }
    await showModel(definitions, model, format, io);
  },
});

type PrintFormat = Parameters<typeof print>[1];

function listModels(definitions: Definitions, format: PrintFormat, io: Io): void {
  const models = definitions.list();
  print(io, format, {
    documents: models,
    table: {
      columns: ["id", "name", "from"],
      rows: models.map(({ id, name, own }) => [String(id), name, own ? "own" : "built in"]),
    },
    isSingle: false,
  });
}

async function showModel(definitions: Definitions, text: string, format: PrintFormat, io: Io) {
  const entry = definitions.list().find(({ id, name }) => String(id) === text || name === text);
  const definition = entry && await definitions.get(entry.id);
  if (!definition) {
    throw new NotFoundError(`There is no model "${text}", see: sunspool models list`);
  }
  const points = pointsOf(definition.group, "");
  print(io, format, {
    documents: [{ id: definition.id, name: definition.name, points }],
    table: {
      columns: ["point", "type", "size", "scale", "unit", "access", "symbols"],
      rows: points.map((point) => [
        point.name,
        point.type,
        String(point.size),
        String(point.scale_factor ?? ""),
        point.unit ?? "",
        point.access,
        point.symbols.map(({ name, value }) => `${value}=${name}`).join(" "),
      ]),
    },
    isSingle: true,
  });
}

function pointsOf(group: GroupDefinition, prefix: string) {
  const own = group.points.map((point) => ({
    name: prefix + point.name,
    type: point.typeName,
    size: point.size,
    scale_factor: point.scaleFactor ?? null,
    unit: point.units ?? null,
    access: point.isWritable ? "RW" : "R",
    mandatory: point.isMandatory,
    symbols: [...point.symbols].map(([value, name]) => ({ value, name })),
  }));
  return own.concat(group.groups.flatMap((inner): typeof own => {
    const index = inner.count === undefined ? "" : "[]";
    return pointsOf(inner, `${prefix}${inner.name}${index}.`);
  }));
}
