import {
  compileLayout,
  type GroupDefinition,
  HEADER_LENGTH,
  type Layout,
  type Leaf,
  type ModelDefinition,
} from "../../lib/sunspec/mod.ts";
import type { Chance } from "../modbus/chance.ts";

/** A model's registers as some device could send them. */
export interface Image {
  readonly layout: Layout;
  /** From the ID register on. */
  readonly bytes: Uint8Array;
}

/** Any image of a model, with each kind of counted group there one to three times. */
export function anyImage(model: ModelDefinition, chance: Chance): Image {
  const times = new Map<string, number>();
  const whole = sizeOf(model.group, times, chance) - HEADER_LENGTH;
  const length = anyLength(model, whole, chance);
  const layout = compileLayout(model, length, ({ definition }) => times.get(definition.name));
  const bytes = new Uint8Array((HEADER_LENGTH + length) * 2);
  const view = new DataView(bytes.buffer);
  for (const leaf of layout.leaves) {
    if (leaf.isPresent) bytes.set(anyRegisters(leaf, chance), leaf.offset * 2);
  }
  for (const [leaf, count] of layout.counts) view.setUint16(leaf.offset * 2, count);
  view.setUint16(0, model.id);
  view.setUint16(2, length);
  return { layout, bytes };
}

/** Nearly always what the definition has; groups could not be told apart in another. */
function anyLength({ id, group }: ModelDefinition, whole: number, chance: Chance): number {
  // The common model comes with and without its pad.
  if (id === 1 && chance.next() < 0.5) return whole - 1;
  if (group.groups.length > 0 || chance.next() < 0.8) return whole;
  return chance.of(chance.below(whole), whole + 1 + chance.below(9));
}

/** Registers of a group; what counts its groups is decided when it is first met. */
function sizeOf(group: GroupDefinition, times: Map<string, number>, chance: Chance): number {
  const points = group.points.reduce((sum, { size }) => sum + size, 0);
  return group.groups.reduce((sum, inner) => {
    const size = sizeOf(inner, times, chance);
    if (inner.count === undefined) return sum + size;
    const counter = inner.count === 0 ? `${inner.name}[]` : String(inner.count);
    const count = times.get(counter) ?? 1 + chance.below(3);
    times.set(counter, count);
    return sum + count * size;
  }, points);
}

/** The registers of one point: a value, an edge, or the mark for "not implemented". */
export function anyRegisters({ definition }: Leaf, chance: Chance): Uint8Array {
  const { typeName, size, type } = definition;
  const make = MAKERS[typeName] ?? anyInteger;
  const bytes = chance.next() < 0.1 ? new Uint8Array(size * 2) : make(size * 2, chance);
  if (chance.next() < 0.1 && type.kind !== "pad") {
    type.encode(new DataView(bytes.buffer), 0, size, null);
  }
  return bytes;
}

type Maker = (length: number, chance: Chance) => Uint8Array<ArrayBuffer>;

/** First byte, all between, last byte. */
const EDGES: readonly (readonly [number, number, number])[] = [
  [0, 0, 1],
  [0x7f, 0xff, 0xff],
  [0x7f, 0xff, 0xfe],
  [0x80, 0, 0],
  [0x80, 0, 1],
  [0xff, 0xff, 0xff],
  [0xff, 0xff, 0xfe],
  [0, 0x20, 0],
  [0, 0x1f, 0xff],
];

function anyInteger(length: number, chance: Chance): Uint8Array<ArrayBuffer> {
  if (chance.next() < 0.6) return randomBytes(length, chance);
  const [first, middle, last] = EDGES[chance.below(EDGES.length)] ?? [0, 0, 0];
  const edge = new Uint8Array(length).fill(middle);
  edge[0] = first;
  edge[length - 1] = last;
  return edge;
}

/** Nearly always a power of ten that the specification allows. */
function anyScaleFactor(length: number, chance: Chance): Uint8Array<ArrayBuffer> {
  if (chance.next() < 0.05) return anyInteger(length, chance);
  const factor = new DataView(new ArrayBuffer(2));
  factor.setInt16(0, chance.of(0, -1, -2, chance.below(21) - 10, chance.below(25) - 12));
  return new Uint8Array(factor.buffer);
}

const FLOATS = [
  ...["7FC00000", "FFC00000", "7F800001", "7FFFFFFF", "7F800000", "FF800000", "80000000"],
  // 230.4, the smallest and the largest, and a number whose digits are those of the mark.
  ...["43666666", "00000001", "7F7FFFFF", "4EFF8000"],
] as const;

function anyFloat(length: number, chance: Chance): Uint8Array<ArrayBuffer> {
  if (length !== 4 || chance.next() < 0.6) return randomBytes(length, chance);
  return Uint8Array.fromHex(chance.of(...FLOATS));
}

const CHARACTERS = [
  "A",
  "z",
  "0",
  " ",
  "-",
  "é",
  "°",
  "Ω",
  "電",
  "😀",
  "\0",
  "\x1b",
  "\t",
] as const;
const PADS = ["\0", " ", " \0", ""] as const;

function anyString(length: number, chance: Chance): Uint8Array<ArrayBuffer> {
  if (chance.next() < 0.1) return randomBytes(length, chance);
  const wanted = chance.below(length + 1);
  let text = "";
  while (text.length < wanted) text += chance.of(...CHARACTERS);
  const padded = new TextEncoder().encode(text + chance.of(...PADS).repeat(length));
  const string = new Uint8Array(length);
  // Cut in the middle of a character, as careless firmware does.
  string.set(padded.subarray(0, length));
  return string;
}

function randomBytes(length: number, chance: Chance): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => chance.below(256));
}

const MAKERS: Readonly<Record<string, Maker>> = {
  sunssf: anyScaleFactor,
  float32: anyFloat,
  float64: anyFloat,
  string: anyString,
};
