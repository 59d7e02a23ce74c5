import { XMLParser } from "fast-xml-parser";
import { messageOf } from "../core/mod.ts";
import { definitionError } from "./definition.ts";
import { pointTypes } from "./point_types.ts";

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseAttributeValue: false,
  parseTagValue: false,
  processEntities: false,
  isArray: (name) => ["block", "point", "symbol"].includes(name),
});

/**
 * Turns a definition in the older XML form (SMDX) into the SunSpec JSON form, unchecked.
 *
 * A fixed block becomes the model's points, a repeating block a group counted by the length.
 *
 * @param source where it comes from, for the message
 * @throws {ConfigError} when it is no XML or no model
 */
export function smdxToJson(xml: string, source: string): unknown {
  const model = child(child(parseXml(xml, source), "sunSpecModels"), "model");
  if (model === undefined) {
    throw definitionError(source, "there is no sunSpecModels/model");
  }
  const id = Number(attribute(model, "id"));
  const name = attribute(model, "name") ?? `model_${id}`;
  const blocks = children(model, "block");
  const fixed = blocks.filter((block) => attribute(block, "type") !== "repeating");
  const repeating = blocks.filter((block) => attribute(block, "type") === "repeating");
  if (fixed.length > 1 || repeating.length > 1) {
    throw definitionError(source, "a block type appears twice");
  }
  for (const block of blocks) checkOffsets(block, source);
  const header = [
    { name: "ID", type: "uint16", size: 1, value: id, mandatory: "M", static: "S" },
    { name: "L", type: "uint16", size: 1, mandatory: "M", static: "S" },
  ];
  const groups = repeating.map((block) => ({
    name: attribute(block, "name") ?? "repeating",
    type: "group",
    count: 0,
    points: children(block, "point").map(pointToJson),
  }));
  const points = fixed.flatMap((block) => children(block, "point").map(pointToJson));
  return { id, group: { name, type: "group", points: [...header, ...points], groups } };
}

function parseXml(xml: string, source: string): unknown {
  try {
    return parser.parse(xml, true);
  } catch (cause) {
    throw definitionError(source, `not XML: ${messageOf(cause)}`, cause);
  }
}

/** Points follow each other without a gap; a definition that says otherwise would be read wrongly. */
function checkOffsets(block: unknown, source: string): void {
  let end = 0;
  const fail = (what: string) => {
    throw definitionError(source, `${what}, the points before it end at ${end}`);
  };
  for (const point of children(block, "point")) {
    const offset = attribute(point, "offset");
    if (offset !== undefined && Number(offset) !== end) {
      fail(`point "${attribute(point, "id")}" has offset ${offset}`);
    }
    end += pointSize(point);
    // Without a size the definition is refused when it is checked.
    if (Number.isNaN(end)) return;
  }
  const length = attribute(block, "len");
  if (length !== undefined && Number(length) !== end) fail(`a block has len ${length}`);
}

/** Registers; NaN where the definition does not say. */
function pointSize(point: unknown): number {
  const type = attribute(point, "type") ?? "";
  const known = Object.hasOwn(pointTypes, type) ? pointTypes[type] : undefined;
  return known?.size ?? Number(attribute(point, "len") ?? (known?.kind === "pad" ? 1 : Number.NaN));
}

function pointToJson(point: unknown) {
  const length = attribute(point, "len");
  const symbols = children(point, "symbol").map((symbol) => ({
    name: attribute(symbol, "id"),
    value: typeof symbol === "string" ? symbol : child(symbol, "#text"),
  }));
  return {
    name: attribute(point, "id"),
    type: attribute(point, "type"),
    size: length === undefined ? undefined : Number(length),
    sf: attribute(point, "sf"),
    units: attribute(point, "units"),
    access: attribute(point, "access")?.toUpperCase(),
    mandatory: attribute(point, "mandatory") === "true" ? "M" : undefined,
    symbols: symbols.length > 0 ? symbols : undefined,
  };
}

function child(node: unknown, name: string): unknown {
  if (typeof node !== "object" || node === null) return undefined;
  return Object.entries(node).find(([key]) => key === name)?.[1];
}

function children(node: unknown, name: string): readonly unknown[] {
  const found = child(node, name);
  return Array.isArray(found) ? found : [];
}

function attribute(node: unknown, name: string): string | undefined {
  const value = child(node, `@${name}`);
  return typeof value === "string" ? value : undefined;
}
