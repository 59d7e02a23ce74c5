import type { GroupDefinition, ModelDefinition, PointDefinition } from "./definition.ts";

/** Registers of a model's ID and L. */
export const HEADER_LENGTH = 2;

/** A point at its place in one device's model. */
export interface Leaf {
  /** Dotted, groups indexed from 0: `module[2].DCW`. */
  readonly name: string;
  /** What it is. */
  readonly definition: PointDefinition;
  /** Registers from the model's ID register. */
  readonly offset: number;
  /** False when the device's model is shorter than the definition. */
  readonly isPresent: boolean;
  /** A fixed power of ten, or the scale factor point. */
  readonly scale: number | Leaf | undefined;
}

/** One instance of a group. */
export interface GroupLayout {
  /** In the order of their registers. */
  readonly points: readonly Leaf[];
  /** Behind the points. */
  readonly groups: readonly MemberLayout[];
}

/** A group within a group: once (fixed), or as often as the device says (repeating). */
export interface MemberLayout {
  /** As the definition names it. */
  readonly name: string;
  /** Whether it is a list, if only of one. */
  readonly isRepeating: boolean;
  /** In the order of their registers. */
  readonly instances: readonly GroupLayout[];
}

/** Where each point of one device's model lies. */
export interface Layout {
  /** What it is a layout of. */
  readonly model: ModelDefinition;
  /** Registers, without ID and L: the device's L. */
  readonly length: number;
  /** Its outermost group. */
  readonly root: GroupLayout;
  /** Every point, in the order of the registers. */
  readonly leaves: readonly Leaf[];
  /** Those of them whose values say something about the device, as far as it has them. */
  readonly data: readonly Leaf[];
  /** The points that say how often a group repeats, and what they said. */
  readonly counts: ReadonlyMap<Leaf, number>;
  /** Where the device's length and the definition disagree. */
  readonly warnings: readonly string[];
}

/** A point whose value says something about the device: no header, scale factor or pad. */
export function isData(leaf: Leaf): boolean {
  const { kind } = leaf.definition.type;
  return leaf.offset >= HEADER_LENGTH && kind !== "pad" && kind !== "scale_factor";
}

/** Whether a layout needs the values of count points, not only the length. */
export function hasCountPoints({ count, groups }: GroupDefinition): boolean {
  return typeof count === "string" || groups.some(hasCountPoints);
}

/** Layouts that devices of a kind share; false lengths must not fill the memory. */
const MOST_SHARED = 32;
const shared = new WeakMap<ModelDefinition, Map<string, Layout>>();

/**
 * Lays a model out. Devices whose models are alike get the same layout.
 *
 * @param length the device's L
 * @param countOf reads a count point; undefined = not implemented or not readable, taken as 0
 */
export function compileLayout(
  model: ModelDefinition,
  length: number,
  countOf: (leaf: Leaf) => number | undefined,
): Layout {
  const layout = new Compiler(model, length, countOf).compile();
  const known = shared.get(model) ?? new Map<string, Layout>();
  shared.set(model, known);
  const key = `${length} ${[...layout.counts.values()].join(" ")}`;
  const alike = known.get(key);
  if (alike) return alike;
  if (known.size < MOST_SHARED) known.set(key, layout);
  return layout;
}

/** The length a model has when each of its counted groups is there `groups` times. */
export function lengthOf({ group }: ModelDefinition, groups: number): number {
  return sizeOf(group, groups) - HEADER_LENGTH;
}

/** Registers of one instance of a group, its own counted groups there `groups` times. */
function sizeOf({ points, groups: inner }: GroupDefinition, groups: number): number {
  const own = points.reduce((sum, { size }) => sum + size, 0);
  return inner.reduce((sum, group) => sum + timesOf(group, groups) * sizeOf(group, groups), own);
}

/** How often a group is there: once, as often as its definition says, or `open` times. */
function timesOf({ count }: GroupDefinition, open: number): number {
  if (count === undefined) return 1;
  return typeof count === "number" && count > 0 ? count : open;
}

/** The points of the groups around the present one by name, outermost first. */
type Scope = readonly ReadonlyMap<string, Leaf>[];

class Compiler {
  readonly #model: ModelDefinition;
  readonly #length: number;
  /** The register after the model's last. */
  readonly #end: number;
  readonly #countOf: (leaf: Leaf) => number | undefined;
  readonly #leaves: Leaf[] = [];
  readonly #counts = new Map<Leaf, number>();
  readonly #warnings: string[] = [];
  #offset = 0;

  constructor(
    model: ModelDefinition,
    length: number,
    countOf: (leaf: Leaf) => number | undefined,
  ) {
    this.#model = model;
    this.#length = length;
    this.#end = length + HEADER_LENGTH;
    this.#countOf = countOf;
  }

  compile(): Layout {
    const root = this.#group(this.#model.group, "", []);
    this.#compareLength();
    return {
      model: this.#model,
      length: this.#length,
      root,
      leaves: this.#leaves,
      data: this.#leaves.filter((leaf) => leaf.isPresent && isData(leaf)),
      counts: this.#counts,
      warnings: this.#warnings,
    };
  }

  #group(definition: GroupDefinition, prefix: string, scope: Scope): GroupLayout {
    const points = this.#points(definition.points, prefix, scope);
    const inner = [...scope, byName(points)];
    const groups = definition.groups.map((group) => this.#member(group, prefix, inner));
    return { points, groups };
  }

  #points(definitions: readonly PointDefinition[], prefix: string, scope: Scope): readonly Leaf[] {
    const start = this.#offset;
    const bare = definitions.map((definition): Leaf => {
      const offset = this.#offset;
      this.#offset += definition.size;
      const isPresent = this.#offset <= this.#end;
      const name = prefix + definition.name;
      return { name, definition, offset, isPresent, scale: undefined };
    });
    const inner = [...scope, byName(bare)];
    const leaves = bare.map((leaf): Leaf => {
      const { scaleFactor } = leaf.definition;
      if (typeof scaleFactor !== "string") return { ...leaf, scale: scaleFactor };
      return { ...leaf, scale: lookUp(inner, scaleFactor) };
    });
    if (start < this.#end) this.#leaves.push(...leaves);
    return leaves;
  }

  #member(definition: GroupDefinition, prefix: string, scope: Scope): MemberLayout {
    const { name, count } = definition;
    if (count === undefined) {
      const only = this.#group(definition, `${prefix}${name}.`, scope);
      return { name, isRepeating: false, instances: [only] };
    }
    const wanted = this.#instances(definition, count, scope);
    const instances: GroupLayout[] = [];
    while (instances.length < wanted && this.#offset < this.#end) {
      const before = this.#offset;
      const instance = this.#group(definition, `${prefix}${name}[${instances.length}].`, scope);
      if (this.#offset === before) break;
      instances.push(instance);
    }
    if (instances.length < wanted) {
      this.#warnings.push(
        `${prefix}${name}: ${wanted} groups are announced, length ${this.#length} has room for ${instances.length}`,
      );
    }
    return { name, isRepeating: true, instances };
  }

  #instances(definition: GroupDefinition, count: number | string, scope: Scope): number {
    if (typeof count === "string") {
      const leaf = lookUp(scope, count);
      if (!leaf) return 0;
      const value = leaf.isPresent ? this.#countOf(leaf) ?? 0 : 0;
      this.#counts.set(leaf, value);
      return value;
    }
    if (count > 0) return count;
    const size = sizeOf(definition, 0);
    const room = this.#end - this.#offset;
    return size > 0 && room > 0 ? Math.floor(room / size) : 0;
  }

  #compareLength(): void {
    const needed = this.#offset - HEADER_LENGTH;
    if (needed === this.#length || this.#isShortCommon(needed)) return;
    const why = needed > this.#length
      ? "the points beyond it are left out"
      : "the registers beyond it are left out";
    const says = needed > this.#length
      ? `length ${this.#length}, the definition has ${needed}: ${why}`
      : `length ${this.#length}, the definition covers ${needed}: ${why}`;
    this.#warnings.push(says);
  }

  /** The common model may come without its pad: 65 registers instead of 66. */
  #isShortCommon(needed: number): boolean {
    return this.#model.id === 1 && this.#length === needed - 1;
  }
}

function byName(leaves: readonly Leaf[]): ReadonlyMap<string, Leaf> {
  return new Map(leaves.map((leaf) => [leaf.definition.name, leaf]));
}

function lookUp(scope: Scope, name: string): Leaf | undefined {
  return scope.findLast((leaves) => leaves.has(name))?.get(name);
}
