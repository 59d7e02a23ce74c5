/**
 * Makes `models/sunspec/` from the SunSpec definitions in the PyPI package pysunspec2: facts only
 * (ids, names, types, sizes, counts, scale factors, units, access and static/mandatory marks,
 * symbols), no labels, descriptions or notes.
 *
 *     deno task models            write the files
 *     deno task models --check    say whether they are current; exit 1 when not
 *     … --from DIR                take the definitions from DIR instead of the package
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { runOrThrow, setUp } from "./services.ts";

const PACKAGE = "pysunspec2==1.3.7";
const TARGET = new URL("../models/sunspec/", import.meta.url).pathname;

interface Symbol {
  readonly name: string;
  readonly value: number;
}
interface Point {
  readonly name: string;
  readonly [key: string]: unknown;
  readonly symbols?: readonly Symbol[];
}
interface Group {
  readonly name: string;
  readonly type: string;
  readonly count?: number | string;
  readonly points?: readonly Point[];
  readonly groups?: readonly Group[];
}
interface Model {
  readonly id: number;
  readonly group: Group;
}

/** Point attributes that are kept, in this order, with the default that may be left out. */
const POINT_FACTS: readonly (readonly [string, unknown?])[] = [
  ["name"],
  ["type"],
  ["size"],
  ["value"],
  ["count"],
  ["sf"],
  ["units"],
  ["access", "R"],
  ["mandatory", "O"],
  ["static", "D"],
];

/** One point a line, so that a difference between two publications can be read. */
function renderPoint(point: Point, indent: string): string {
  const facts: Record<string, unknown> = {};
  for (const [key, leftOut] of POINT_FACTS) {
    const value = point[key];
    if (value !== undefined && value !== leftOut) {
      facts[key] = typeof value === "string" ? value.trim() : value;
    }
  }
  const body = JSON.stringify(facts).slice(1, -1);
  if (!point.symbols) return `${indent}{${body}}`;
  const symbols = point.symbols.map(({ name, value }) => JSON.stringify({ name, value }));
  return `${indent}{${body},"symbols":[\n${indent}  ${symbols.join(`,\n${indent}  `)}]}`;
}

function renderGroup(group: Group, indent: string): string {
  const head = { name: group.name, type: group.type, count: group.count };
  const inner = indent + "  ";
  const points = (group.points ?? []).map((point) => renderPoint(point, inner)).join(",\n");
  const groups = (group.groups ?? []).map((child) => inner + renderGroup(child, inner)).join(",\n");
  const tail = groups === "" ? "" : `,"groups":[\n${groups}]`;
  return `${JSON.stringify(head).slice(0, -1)},"points":[\n${points}]${tail}}`;
}

function renderModel(model: Model): string {
  return `{"id":${model.id},"group":${renderGroup(model.group, "")}}\n`;
}

function renderIndex(models: readonly Model[]): string {
  const lines = models.map(({ id, group }) =>
    `  [${id}, { name: ${
      JSON.stringify(group.name)
    }, load: () => import("./model_${id}.json", { with: { type: "json" } }) }],`
  );
  return [
    "/**",
    " * The published SunSpec models, each loaded when it is first asked for. Made by `deno task models`.",
    " *",
    " * @module",
    " */",
    "",
    "/** A published model: its name, and its definition in the SunSpec JSON form. */",
    "export interface PublishedModel {",
    "  readonly name: string;",
    "  load(): Promise<{ readonly default: unknown }>;",
    "}",
    "",
    "/** By model id. */",
    "export const publishedModels: ReadonlyMap<number, PublishedModel> = new Map<number, PublishedModel>([",
    ...lines,
    "]);",
    "",
  ].join("\n");
}

/** The folder of definitions in the package, which the tests' Python environment holds. */
async function packageFolder(): Promise<string> {
  const { python } = await setUp();
  if (!("path" in python)) {
    throw new Error(`Cannot find "${PACKAGE}": ${python.missing}, try ${python.enable}`);
  }
  const program = "import os, sunspec2; print(os.path.dirname(sunspec2.__file__))";
  const folder = await runOrThrow(python.path, ["-c", program]);
  return `${folder.trim()}/models/json`;
}

async function readModels(folder: string): Promise<Model[]> {
  const models: Model[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!/^model_\d+\.json$/.test(name)) continue;
    models.push(JSON.parse(await Deno.readTextFile(`${folder}/${name}`)));
  }
  return models.sort((a, b) => a.id - b.id);
}

/** File name → text, for every file that belongs into the folder. */
function render(models: readonly Model[]): Map<string, string> {
  const files = new Map(models.map((model) => [`model_${model.id}.json`, renderModel(model)]));
  return files.set("mod.ts", renderIndex(models));
}

async function differences(files: ReadonlyMap<string, string>): Promise<string[]> {
  const found: string[] = [];
  for (const [name, text] of files) {
    const present = await Deno.readTextFile(TARGET + name).catch(() => undefined);
    if (present !== text) found.push(present === undefined ? `missing ${name}` : `stale ${name}`);
  }
  for await (const { name } of Deno.readDir(TARGET)) {
    if (!files.has(name)) found.push(`left over ${name}`);
  }
  return found;
}

const { values } = parseArgs({
  args: Deno.args,
  options: { check: { type: "boolean", default: false }, from: { type: "string" } },
});
const files = render(await readModels(values.from ?? await packageFolder()));
const found = await differences(files);
if (values.check) {
  for (const line of found) console.error(line);
  console.log(`models ${files.size - 1}, ${found.length === 0 ? "current" : "not current"}`);
  Deno.exitCode = found.length === 0 ? 0 : 1;
} else {
  for (const [name, text] of files) await Deno.writeTextFile(TARGET + name, text);
  for (const line of found) console.log(line);
  console.log(`models ${files.size - 1} written`);
}
