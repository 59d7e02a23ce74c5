import type { Json, Point, Quality } from "../core/mod.ts";
import { SCALE_FACTOR_LIMIT, scaled } from "./decimal.ts";
import type { GroupLayout, Layout, Leaf } from "./layout.ts";
import type { WireValue } from "./point_types.ts";

/** A model's registers as they came, from its ID on; big-endian. */
export type ModelImage = DataView;

/** A value made readable: the number or text, and the integer behind a symbol. */
export interface Value {
  /** Number, exact decimal text, symbol or symbols; null = not implemented. */
  readonly shown: number | string | readonly string[] | null;
  /** The number of an Avro point. */
  readonly number: number | null;
}

/** What is to be known about a value that is not plainly good. */
export interface Verdict {
  /** Why it is not. */
  readonly quality: Quality;
  /** What to show instead of it; undefined = the value itself. */
  readonly instead: Value | undefined;
}

/** Says which points are not plainly good. */
export type VerdictOf = (leaf: Leaf) => Verdict | undefined;

/** Nothing is wrong with any of them. */
export const ALL_GOOD: VerdictOf = () => undefined;

const NOT_IMPLEMENTED: Value = { shown: null, number: null };

/** Where a value that is delivered carries its number and where its text. */
export function decodePoints(
  layout: Layout,
  image: ModelImage,
  verdictOf: VerdictOf = ALL_GOOD,
): Point[] {
  const decoders = decodersOf(layout);
  // One that grows is copied twice on its way.
  const points = new Array<Point>(decoders.length);
  let count = 0;
  for (const decoder of decoders) {
    const point = decoder.decode(image, verdictOf(decoder.leaf));
    if (point) points[count++] = point;
  }
  points.length = count;
  return points;
}

/** Decodes a point of all devices of a kind. */
class PointDecoder {
  readonly leaf: Leaf;
  /** Whether it is a state, event or name: those hardly ever change, and are alike in most devices. */
  readonly #isSymbolic: boolean;
  /** Of such a one, the last value on the wire, and what it makes. */
  #wire: WireValue | undefined;
  #point: Point | undefined;

  constructor(leaf: Leaf) {
    const { kind } = leaf.definition.type;
    this.leaf = leaf;
    this.#isSymbolic = kind === "enum" || kind === "bitfield" || kind === "text";
  }

  decode(image: ModelImage, verdict: Verdict | undefined): Point | undefined {
    const { leaf } = this;
    if (verdict) return pointOf(leaf, verdict.instead ?? valueOf(leaf, image), verdict.quality);
    if (!this.#isSymbolic) return pointOf(leaf, valueOf(leaf, image), null);
    const wire = wireValue(leaf, image);
    if (wire !== this.#wire) {
      this.#wire = wire;
      this.#point = pointOf(leaf, valueOf(leaf, image), null);
    }
    return this.#point;
  }
}

const decodersByLayout = new WeakMap<Layout, readonly PointDecoder[]>();

function decodersOf(layout: Layout): readonly PointDecoder[] {
  const known = decodersByLayout.get(layout);
  if (known) return known;
  const decoders = layout.data.map((leaf) => new PointDecoder(leaf));
  decodersByLayout.set(layout, decoders);
  return decoders;
}

/** Most values are numbers that stand for themselves: those come without a `Value` around them. */
function pointOf(leaf: Leaf, value: Value | number, quality: Quality | null): Point | undefined {
  const { name, definition } = leaf;
  const unit = definition.units ?? null;
  if (typeof value === "number") return { name, value, text: null, unit, quality };
  const { shown, number } = value;
  if (shown === null) return undefined;
  const text = typeof shown === "number"
    ? null
    : typeof shown === "string"
    ? shown
    : shown.join("|");
  return { name, value: number, text, unit, quality };
}

/** The points of a group as a JSON object, pads left out. */
export function decodeGroup(
  group: GroupLayout,
  image: ModelImage,
  raw: boolean,
  isWanted: (leaf: Leaf) => boolean,
  verdictOf: VerdictOf = ALL_GOOD,
): { [key: string]: Json } {
  const object: { [key: string]: Json } = {};
  for (const leaf of group.points) {
    if (leaf.definition.type.kind === "pad" || !isWanted(leaf)) continue;
    object[leaf.definition.name] = raw
      ? rawJson(leaf, image)
      : (verdictOf(leaf)?.instead ?? decodeValue(leaf, image)).shown;
  }
  for (const { name, isRepeating, instances } of group.groups) {
    const members = instances.map((instance) =>
      decodeGroup(instance, image, raw, isWanted, verdictOf)
    );
    const isLeftOut = members.length > 0 && members.every((m) => Object.keys(m).length === 0);
    if (!isLeftOut) object[name] = isRepeating ? members : members[0] ?? {};
  }
  return object;
}

/** A value as a table shows it; empty = not implemented. */
export function displayText(
  leaf: Leaf,
  image: ModelImage,
  raw: boolean,
  instead?: Value,
): string {
  const value = raw ? rawJson(leaf, image) : (instead ?? decodeValue(leaf, image)).shown;
  return Array.isArray(value) ? value.join(" | ") : String(value ?? "");
}

/** A point's value on the wire; null = not implemented, or beyond the device's model. */
export function wireValue(leaf: Leaf, image: ModelImage): WireValue {
  const { type, size } = leaf.definition;
  if (!leaf.isPresent) return null;
  return type.decode(image, leaf.offset * 2, size);
}

/** What is wrong with the scale factors: one line for each that no device may use. */
export function scaleWarnings(layout: Layout, image: ModelImage): string[] {
  const warnings: string[] = [];
  for (const leaf of layout.leaves) {
    if (leaf.definition.type.kind !== "scale_factor") continue;
    const factor = wireValue(leaf, image);
    if (typeof factor === "number" && Math.abs(factor) > SCALE_FACTOR_LIMIT) {
      warnings.push(`${leaf.name}: scale factor ${factor} is not within ±${SCALE_FACTOR_LIMIT}`);
    }
  }
  return warnings;
}

/** A point as on the wire, not scaled; null = not implemented. */
export function rawJson(leaf: Leaf, image: ModelImage): number | string | null {
  const { type, size } = leaf.definition;
  if (!leaf.isPresent) return null;
  const value = (type.raw ?? type.decode)(image, leaf.offset * 2, size);
  return typeof value === "bigint" ? value.toString() : value;
}

/** A point's value as it is shown and delivered. */
export function decodeValue(leaf: Leaf, image: ModelImage): Value {
  const value = valueOf(leaf, image);
  return typeof value === "number" ? { shown: value, number: value } : value;
}

/** The same; a number that stands for itself as nothing but that. */
function valueOf(leaf: Leaf, image: ModelImage): Value | number {
  const wire = wireValue(leaf, image);
  if (wire === null) return NOT_IMPLEMENTED;
  if (typeof wire === "string") return { shown: wire, number: null };
  const { kind } = leaf.definition.type;
  if (kind === "enum") return enumValue(leaf, Number(wire));
  if (kind === "bitfield") return bitfieldValue(leaf, wire);
  const factor = scaleFactor(leaf, image);
  if (factor === null) return NOT_IMPLEMENTED;
  const shown = kind === "float" ? scaledFloat(Number(wire), factor) : scaled(wire, factor);
  const number = Number(shown);
  if (!Number.isFinite(number)) return NOT_IMPLEMENTED;
  return typeof shown === "number" ? shown : { shown, number };
}

/** Powers of ten below 1 are not exact, so 3 × 0.1 is not 0.3, and 3 / 10 is. */
function scaledFloat(value: number, factor: number): number {
  return factor < 0 ? value / 10 ** -factor : value * 10 ** factor;
}

/** The power of ten; null when the device does not implement it or it is out of bounds. */
export function scaleFactor({ scale }: Leaf, image: ModelImage): number | null {
  if (scale === undefined) return 0;
  if (typeof scale === "number") return scale;
  const factor = wireValue(scale, image);
  return typeof factor === "number" && Math.abs(factor) <= SCALE_FACTOR_LIMIT ? factor : null;
}

function enumValue(leaf: Leaf, wire: number): Value {
  return { shown: leaf.definition.symbols.get(wire) ?? wire, number: wire };
}

function bitfieldValue(leaf: Leaf, wire: number | bigint): Value {
  const shown: string[] = [];
  if (wire === 0) return { shown, number: 0 };
  const bits = BigInt(wire);
  for (let bit = 0; bits >> BigInt(bit) > 0n; bit++) {
    if (((bits >> BigInt(bit)) & 1n) === 0n) continue;
    shown.push(leaf.definition.symbols.get(bit) ?? `BIT_${bit}`);
  }
  return { shown, number: Number(wire) };
}
