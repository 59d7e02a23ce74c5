import assert from "node:assert/strict";
import type { Json, Point } from "../../lib/core/mod.ts";
import { sunspec } from "../../lib/drivers/sunspec.ts";
import { forever, MemoryDevice } from "../sunspec/memory_device.ts";

/** What we make of an image, by dotted name. */
export interface OurAnswer {
  /** As `read --raw --json` prints it. */
  readonly raw: ReadonlyMap<string, Json>;
  /** As `read --json` prints it. */
  readonly scaled: ReadonlyMap<string, Json>;
  /** As it is delivered. */
  readonly points: ReadonlyMap<string, Point>;
}

const OPTIONS = {
  baseAddress: 0,
  maxRegisters: 125,
  readAhead: 0,
  models: undefined,
  modelsDir: undefined,
  registers: false,
};

/** Finds, reads and decodes a device that has this one model. */
export async function decodeByUs(image: Uint8Array): Promise<OurAnswer> {
  const transport = new MemoryDevice(0, `53756E53${image.toHex()}FFFF0000`);
  await using device = await sunspec.open(transport, OPTIONS, forever);
  assert.ok(device, "no device");
  const snapshot = async (raw: boolean) =>
    (await device.snapshot({ select: [], raw, valueless: false }, forever)).document;
  const points = new Map<string, Point>();
  for (const reading of await device.read({ statics: true }, forever)) {
    for (const point of reading.points) points.set(point.name, point);
  }
  return {
    raw: flatten(pointsOf(await snapshot(true))),
    scaled: flatten(pointsOf(await snapshot(false))),
    points,
  };
}

function pointsOf(document: Json): Json {
  return field(item(field(document, "models"), 0), "points");
}

function field(value: Json, key: string): Json {
  assert.ok(typeof value === "object" && value !== null && !isList(value), key);
  return value[key] ?? null;
}

function item(value: Json, index: number): Json {
  assert.ok(isList(value));
  return value[index] ?? null;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Groups become dotted names; a list that is no list of groups is a value. */
function flatten(value: Json): ReadonlyMap<string, Json> {
  const flat = new Map<string, Json>();
  const visit = (value: Json, name: string) => {
    const isGroups = isList(value) && value.some((item) => typeof item === "object");
    if (isGroups) value.forEach((inner, i) => visit(inner, `${name}[${i}]`));
    else if (typeof value !== "object" || value === null || isList(value)) flat.set(name, value);
    else {
      for (const [key, inner] of Object.entries(value)) {
        visit(inner, name === "" ? key : `${name}.${key}`);
      }
    }
  };
  visit(value, "");
  return flat;
}
