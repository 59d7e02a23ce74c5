import type { DecodedRecord } from "../../lib/avro/mod.ts";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { type Moment, parseEndpointSpec, wireValueAt } from "../../lib/simulate/mod.ts";
import { compileLayout, type Layout, type Leaf, lengthOf } from "../../lib/sunspec/mod.ts";

/** A point as a delivered reading has it. */
export interface ExpectedPoint {
  readonly name: string;
  readonly value: number | null;
  readonly text: string | null;
}

/**
 * What a simulated device said in state n, worked out from the values that it serves and not from
 * its registers: the long way round is what is tested.
 */
export class Expected {
  readonly #layouts = new Map<string, { readonly layout: Layout; readonly groups: number }>();

  /** @param specs as `simulate --device` takes them, in order */
  static async of(specs: readonly string[]): Promise<Expected> {
    const expected = new Expected();
    const definitions = await sunspecDefinitions(undefined);
    for (const [index, spec] of specs.entries()) {
      for (const { id, groups } of parseEndpointSpec(spec).models) {
        const definition = await definitions.get(id);
        if (!definition) throw new Error(`No model ${id}`);
        const layout = compileLayout(definition, lengthOf(definition, groups), () => groups);
        expected.#layouts.set(`${index}/${id}`, { layout, groups });
      }
    }
    return expected;
  }

  /** The points of one model of one device in state n. */
  points(index: number, unitId: number, modelId: number, n: number): ExpectedPoint[] {
    const known = this.#layouts.get(`${index}/${modelId}`);
    if (!known) throw new Error(`No model ${modelId} at ${index}`);
    const serial = `SN${String(index + 1).padStart(4, "0")}${unitId === 1 ? "" : `-${unitId}`}`;
    const moment: Moment = {
      identity: {
        manufacturer: "Helio",
        model: "H-10",
        options: "",
        version: "1.2",
        serialNumber: serial,
      },
      unitId,
      seed: index * 256 + unitId,
      n,
      groups: known.groups,
    };
    const wire = (leaf: Leaf) => wireValueAt(modelId, leaf, moment);
    return known.layout.leaves.slice(2).flatMap((leaf) => pointOf(leaf, wire));
  }
}

function pointOf(
  leaf: Leaf,
  wire: (leaf: Leaf) => ReturnType<typeof wireValueAt>,
): ExpectedPoint[] {
  const { definition: { type, typeName, symbols }, name, scale } = leaf;
  const value = wire(leaf);
  if (["pad", "scale_factor"].includes(type.kind) || value === null || value === "") return [];
  // The standard's mark for "not accumulated".
  if (typeName.startsWith("acc") && Number(value) === 0) return [];
  if (typeof value === "string") return [{ name, value: null, text: value }];
  if (type.kind === "enum") {
    return [{ name, value: Number(value), text: symbols.get(Number(value)) ?? null }];
  }
  if (type.kind === "bitfield") return [{ name, value: Number(value), text: "" }];
  const factor = typeof scale === "object" ? wire(scale) : scale ?? 0;
  return [{ name, value: Number(`${value}e${factor}`), text: null }];
}

/** The points of a delivered record, without what the simulator does not decide. */
export function pointsOf(record: DecodedRecord): ExpectedPoint[] {
  const { points } = record;
  if (!Array.isArray(points)) throw new Error("No points");
  return points.map(({ name, value, text }) => ({ name, value, text }));
}
