import assert from "node:assert/strict";
import {
  compileLayout,
  encodeModel,
  type Layout,
  type Leaf,
  lengthOf,
  type ModelDefinition,
  type ModelRead,
  type ModelWant,
  parseDefinition,
  type WireValue,
  wireValue,
} from "../../lib/sunspec/mod.ts";
import { MemoryDevice, type Rule } from "./memory_device.ts";
import { published } from "./published.ts";

/** The address of the first model. */
export const FIRST = 40_002;

/** A value on the wire that tells each point from its neighbours, never 0 and never null. */
function valueOf({ definition, offset }: Leaf): WireValue {
  switch (definition.type.kind) {
    case "text":
      return `T${offset}`;
    case "scale_factor":
      return -1 - offset % 3;
    case "pad":
      return 0;
    default:
      return offset + 1;
  }
}

/** A device, and what to read of it. */
export interface Bench {
  readonly device: MemoryDevice;
  readonly wants: readonly (ModelWant & { readonly layout: Layout })[];
}

/** A device with models one after the other, and the wants for all of it. */
export async function bench(
  models: readonly (number | ModelDefinition)[],
  ...rules: readonly Rule[]
): Promise<Bench> {
  const device = new MemoryDevice(FIRST - 2, "53756E53", ...rules);
  const wants = [];
  let address = FIRST;
  for (const model of models) {
    const definition = typeof model === "number" ? await published(model) : model;
    const length = lengthOf(definition, 2);
    const layout = compileLayout(definition, length, () => undefined);
    const byName = new Map(layout.leaves.map((leaf) => [leaf.name, leaf]));
    device.write(
      address,
      encodeModel(layout, (name) => valueOf(byName.get(name) ?? assert.fail(name))),
    );
    const place = { id: definition.id, address, length };
    wants.push({ place, layout, isWanted: (_leaf: Leaf) => true });
    address += length + 2;
  }
  return { device, wants };
}

/** A model of points written as name, factor, type and size: `A:uint32 V*V_SF S:string:8`. */
export function own(points: string): ModelDefinition {
  const parsed = `ID L ${points}`.split(" ").map((text) => {
    const [head = "", type = "uint16", size] = text.split(":");
    const [name, sf] = head.split("*");
    return { name, type, sf, size: size === undefined ? undefined : Number(size) };
  });
  return parseDefinition(
    { id: 64_200, group: { name: "own", points: parsed } },
    "own.json",
  );
}

/** What disagrees with the device: a point that should be there and is not, or has another value. */
export function wrong(
  { wants }: Bench,
  reads: readonly ModelRead[],
  isLost: (leaf: Leaf) => boolean,
): string[] {
  return wants.flatMap(({ layout, place }, i) => {
    const { image } = reads[i] ?? assert.fail("a read is missing");
    return layout.leaves.filter((leaf) => {
      const { kind } = leaf.definition.type;
      if (kind === "pad" || leaf.offset < 2) return false;
      return wireValue(leaf, image) !== (isLost(leaf) ? null : valueOf(leaf));
    }).map(({ name }) => `${place.id}.${name}`);
  });
}

/** The points that are said to be apart from their factor. */
export function splits({ wants }: Bench, reads: readonly ModelRead[]): string {
  return wants.flatMap(({ layout }, i) =>
    layout.leaves.filter((leaf) => reads[i]?.isSplit(leaf)).map(({ name }) => name)
  ).join(" ");
}

/**
 * The points that came in another request than their factor, by the requests that were served; what
 * came twice counts as it came first.
 */
export function apart({ device, wants }: Bench): string {
  const requestOf = (address: number) =>
    device.served.findIndex((served) =>
      served.address <= address && address < served.address + served.quantity
    );
  return wants.flatMap(({ layout, place }) =>
    layout.leaves.filter(({ offset, scale }) => {
      if (typeof scale !== "object") return false;
      const [value, factor] = [offset, scale.offset].map((at) => requestOf(place.address + at));
      return value !== -1 && factor !== -1 && value !== factor;
    }).map(({ name }) => name)
  ).join(" ");
}

/** A rule that counts what it refuses. */
export interface CountedRule {
  refused: number;
  readonly rule: Rule;
}

/** Counts what a rule refuses. */
export function counted(rule: Rule): CountedRule {
  const counter: CountedRule = {
    refused: 0,
    rule(request) {
      const error = rule(request);
      if (error) counter.refused++;
      return error;
    },
  };
  return counter;
}
