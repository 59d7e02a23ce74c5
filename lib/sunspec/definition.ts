import { ConfigError } from "../core/mod.ts";
import { printable } from "../printable.ts";
import { type PointType, pointTypes } from "./point_types.ts";

/** A point as its model defines it. */
export interface PointDefinition {
  /** As the standard abbreviates it: `DCW`. */
  readonly name: string;
  /** As the definition names it: `uint16`. */
  readonly typeName: string;
  /** How it reads and writes. */
  readonly type: PointType;
  /** Registers. */
  readonly size: number;
  /** A fixed power of ten, or the name of the scale factor point. */
  readonly scaleFactor: number | string | undefined;
  /** As the definition says them. */
  readonly units: string | undefined;
  /** The value never changes while the device runs. */
  readonly isStatic: boolean;
  /** Whether it is meant to be written. */
  readonly isWritable: boolean;
  /** Whether every device must have it. */
  readonly isMandatory: boolean;
  /** Name by value (enum) or by bit (bitfield). */
  readonly symbols: ReadonlyMap<number, string>;
  /** The value the definition fixes, as the model id. */
  readonly value: number | undefined;
}

/** Points, then groups, in the order of the registers. */
export interface GroupDefinition {
  /** As the definition names it. */
  readonly name: string;
  /** undefined = once; a number = so often; 0 = as often as the length allows; a name = as that point says. */
  readonly count: number | string | undefined;
  /** In the order of their registers. */
  readonly points: readonly PointDefinition[];
  /** Behind the points. */
  readonly groups: readonly GroupDefinition[];
}

/** A SunSpec model. */
export interface ModelDefinition {
  /** 1–65534. */
  readonly id: number;
  /** The name of its outermost group. */
  readonly name: string;
  /** Everything from the ID on. */
  readonly group: GroupDefinition;
}

/**
 * Checks a definition in the SunSpec JSON form and makes it ready for use.
 *
 * @param source where it comes from, for the message
 * @throws {ConfigError} naming the place and the fault
 */
export function parseDefinition(json: unknown, source: string): ModelDefinition {
  const fail: Fail = (place, fault) => {
    throw definitionError(source, `${place}: ${fault}`);
  };
  const model = record(json, "the document", fail);
  const id = model.id;
  if (typeof id !== "number" || !Number.isInteger(id) || id < 1 || id > 65534) {
    return fail("id", "must be an integer within 1–65534");
  }
  const group = parseGroup(model.group, "group", [], fail);
  checkExtent(group, fail);
  const [first, second] = group.points;
  if (first?.name !== "ID" || second?.name !== "L" || first.size + second.size !== 2) {
    fail("group.points", "must begin with ID and L of one register each");
  }
  return { id, name: group.name, group };
}

/** Enough of what a definition has instead of what it should have. */
const LONGEST_FAULT = 300;

/** What is wrong with a definition, on one line whatever it holds. */
export function definitionError(source: string, fault: string, cause?: unknown): ConfigError {
  const shown = printable(fault.slice(0, LONGEST_FAULT));
  return new ConfigError(`Cannot use model definition "${source}": ${shown}`, { cause });
}

type Fail = (place: string, fault: string) => never;
type Fields = { readonly [key: string]: unknown };

function record(value: unknown, place: string, fail: Fail): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail(place, "must be an object");
  }
  return { ...value };
}

function list(value: unknown, place: string, fail: Fail): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : fail(place, "must be an array");
}

/** Names end up in dotted paths and as keys. */
const NAME = /^(?!__proto__$)[A-Za-z0-9_-]+$/;

function nameOf(value: unknown, place: string, fail: Fail): string {
  const name = text(value, place, fail);
  return NAME.test(name) ? name : fail(place, `"${name}" is no name: use letters, digits, _ and -`);
}

function text(value: unknown, place: string, fail: Fail): string {
  return typeof value === "string" && value !== "" ? value : fail(place, "must be a name");
}

/** Groups within groups; the published models need two. */
const DEEPEST = 16;
/** Groups in a model; the published ones have ten. A device may announce each 65,535 times. */
const MOST_GROUPS = 64;
/** Registers that a model's length can tell, ID and L. */
const MOST_REGISTERS = 65_537;

/** A model no device can have is refused before anything is laid out by it. */
function checkExtent(root: GroupDefinition, fail: Fail): void {
  const all = [root];
  let registers = 0;
  for (const { points, groups } of all) {
    for (const group of groups) all.push(group);
    if (all.length > MOST_GROUPS) fail("group", `has more than ${MOST_GROUPS} groups within`);
    registers += points.reduce((sum, { size }) => sum + size, 0);
  }
  if (registers > MOST_REGISTERS) fail("group", `has ${registers} registers, a model has 65537`);
}

/** Points of the groups around this one by name, outermost first: where scale factors and counts are looked up. */
type Scope = readonly ReadonlyMap<string, PointDefinition>[];

function parseGroup(value: unknown, place: string, scope: Scope, fail: Fail): GroupDefinition {
  if (scope.length > DEEPEST) fail(place, "is nested too deeply");
  const fields = record(value, place, fail);
  const name = nameOf(fields.name, `${place}.name`, fail);
  const points = list(fields.points, `${place}.points`, fail)
    .map((point, i) => parsePoint(point, `${place}.points[${i}]`, fail));
  const inner = [...scope, new Map(points.map((point) => [point.name, point]))];
  for (const [i, point] of points.entries()) {
    checkScaleFactor(point, inner, `${place}.points[${i}].sf`, fail);
  }
  const groups = list(fields.groups, `${place}.groups`, fail)
    .map((group, i) => parseGroup(group, `${place}.groups[${i}]`, inner, fail));
  checkNames([...points, ...groups], place, fail);
  return { name, count: parseCount(fields.count, scope, `${place}.count`, fail), points, groups };
}

function parseCount(value: unknown, scope: Scope, place: string, fail: Fail) {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  const name = text(value, place, fail);
  if (/^\d+$/.test(name)) return Number(name);
  if (!lookUp(scope, name)) fail(place, `there is no point "${name}"`);
  return name;
}

function lookUp(scope: Scope, name: string): PointDefinition | undefined {
  return scope.findLast((points) => points.has(name))?.get(name);
}

function checkScaleFactor(point: PointDefinition, scope: Scope, place: string, fail: Fail): void {
  if (typeof point.scaleFactor !== "string") return;
  const factor = lookUp(scope, point.scaleFactor);
  if (!factor) fail(place, `there is no point "${point.scaleFactor}"`);
  if (factor?.type.kind !== "scale_factor") fail(place, `"${point.scaleFactor}" is no sunssf`);
}

function checkNames(members: readonly { readonly name: string }[], place: string, fail: Fail) {
  const seen = new Set<string>();
  for (const { name } of members) {
    if (seen.has(name)) fail(place, `"${name}" is defined twice`);
    seen.add(name);
  }
}

function parsePoint(value: unknown, place: string, fail: Fail): PointDefinition {
  const fields = record(value, place, fail);
  const typeName = text(fields.type, `${place}.type`, fail);
  const type = Object.hasOwn(pointTypes, typeName) ? pointTypes[typeName] : undefined;
  if (!type) return fail(`${place}.type`, `unknown type "${typeName}"`);
  return {
    name: nameOf(fields.name, `${place}.name`, fail),
    typeName,
    type,
    size: parseSize(fields.size, type, `${place}.size`, fail),
    scaleFactor: parseScaleFactor(fields.sf, `${place}.sf`, fail),
    units: typeof fields.units === "string" && fields.units !== "" ? fields.units : undefined,
    isStatic: fields.static === "S",
    isWritable: fields.access === "RW",
    isMandatory: fields.mandatory === "M",
    symbols: parseSymbols(fields.symbols, `${place}.symbols`, fail),
    value: typeof fields.value === "number" ? fields.value : undefined,
  };
}

function parseSize(value: unknown, type: PointType, place: string, fail: Fail): number {
  const size = value ?? type.size ?? (type.kind === "pad" ? 1 : undefined);
  if (typeof size !== "number" || !Number.isInteger(size) || size < 1 || size > 65535) {
    return fail(place, "must be a number of registers");
  }
  if (type.size !== undefined && size !== type.size) {
    fail(place, `is ${size}, the type has ${type.size}`);
  }
  return size;
}

/** Numbers may come as text: the XML form has no others. */
function numberOf(value: unknown): unknown {
  return typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
}

function parseScaleFactor(value: unknown, place: string, fail: Fail): number | string | undefined {
  if (value === undefined || value === null) return undefined;
  const factor = numberOf(value);
  if (typeof factor === "string" && factor !== "") return factor;
  if (typeof factor === "number" && Number.isInteger(factor) && Math.abs(factor) <= 10) {
    return factor;
  }
  return fail(place, "must be the name of a point or an integer within ±10");
}

function parseSymbols(value: unknown, place: string, fail: Fail): ReadonlyMap<number, string> {
  const symbols = new Map<number, string>();
  for (const [i, entry] of list(value, place, fail).entries()) {
    const fields = record(entry, `${place}[${i}]`, fail);
    const number = numberOf(fields.value);
    if (typeof number !== "number" || !Number.isInteger(number)) {
      return fail(`${place}[${i}].value`, "must be an integer");
    }
    const name = text(fields.name, `${place}[${i}].name`, fail);
    if (!symbols.has(number)) symbols.set(number, name);
  }
  return symbols;
}
