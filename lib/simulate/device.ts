import {
  compileLayout,
  type Definitions,
  encodeModel,
  HEADER_LENGTH,
  type Layout,
  type Leaf,
  lengthOf,
  type WireValue,
} from "../sunspec/mod.ts";
import type { Fault } from "./faults/mod.ts";
import { ConfigError } from "../core/mod.ts";
import { type Moment, type SimulatedIdentity, wireValueAt } from "./values.ts";

/** A model to serve, and how many instances its groups have. */
export interface SimulatedModel {
  /** The model's id. */
  readonly id: number;
  /** How often each counted group is there. */
  readonly groups: number;
}

/** What a simulated device is. */
export interface SimulatedDeviceOptions {
  /** Who it says it is. */
  readonly identity: SimulatedIdentity;
  /** Which unit id it answers as. */
  readonly unitId: number;
  /** Tells devices apart: the same seed gives the same day. */
  readonly seed: number;
  /** Where its map begins. */
  readonly baseAddress: number;
  /** In the order of its chain. */
  readonly models: readonly SimulatedModel[];
  /** What is wrong with its values and its map; nothing when left out. */
  readonly faults?: readonly Pick<Fault, "value" | "map">[];
}

const MARKER = [0x53, 0x75, 0x6e, 0x53];
const END_MODEL = [0xff, 0xff, 0, 0];
const ILLEGAL_DATA_ADDRESS = 2;

/** A SunSpec device that exists in memory: its registers are a function of n. */
export class SimulatedDevice {
  /** What it was made from. */
  readonly options: SimulatedDeviceOptions;
  readonly #layouts: readonly { readonly layout: Layout; readonly groups: number }[];
  #n = -1;
  #map: Uint8Array = new Uint8Array(0);

  /** See {@linkcode simulateDevice}. */
  constructor(
    options: SimulatedDeviceOptions,
    layouts: readonly { readonly layout: Layout; readonly groups: number }[],
  ) {
    this.options = options;
    this.#layouts = layouts;
  }

  /** Registers `address` … `address + quantity - 1` in state n, or an exception code. */
  read(address: number, quantity: number, n: number): Uint8Array | number {
    const map = this.mapAt(n);
    const start = (address - this.options.baseAddress) * 2;
    const end = start + quantity * 2;
    return start < 0 || end > map.length ? ILLEGAL_DATA_ADDRESS : map.subarray(start, end);
  }

  /** The whole map in state n, from the base address to the end model. */
  mapAt(n: number): Uint8Array {
    if (n !== this.#n) {
      this.#map = this.#encode(n);
      this.#n = n;
    }
    return this.#map;
  }

  #encode(n: number): Uint8Array {
    const { identity, unitId, seed } = this.options;
    const parts = this.#layouts.map(({ layout, groups }) => {
      const moment: Moment = { identity, unitId, seed, n, groups };
      const byName = new Map(layout.leaves.map((leaf) => [leaf.name, leaf]));
      return encodeModel(layout, (name) => {
        const leaf = byName.get(name);
        return leaf ? this.#valueOf(leaf, wireValueAt(layout.model.id, leaf, moment), n) : null;
      });
    });
    const map: Uint8Array = Uint8Array.from(
      [MARKER, ...parts, END_MODEL].flatMap((part) => [...part]),
    );
    return this.#faults.reduce<Uint8Array>(
      (changed, fault) => fault.map?.(changed, n) ?? changed,
      map,
    );
  }

  #valueOf(leaf: Leaf, value: WireValue, n: number): WireValue {
    return this.#faults.reduce<WireValue>((changed, fault) => {
      return fault.value ? fault.value(leaf, changed, n) : changed;
    }, value);
  }

  get #faults(): readonly Pick<Fault, "value" | "map">[] {
    return this.options.faults ?? [];
  }
}

/**
 * Makes a device.
 *
 * @throws {ConfigError} when nobody has defined one of its models
 */
export async function simulateDevice(
  options: SimulatedDeviceOptions,
  definitions: Definitions,
): Promise<SimulatedDevice> {
  const layouts = [];
  let end = options.baseAddress + 2;
  for (const { id, groups } of options.models) {
    const definition = await definitions.get(id);
    if (!definition) throw new ConfigError(`Cannot simulate model "${id}": it has no definition`);
    const length = lengthOf(definition, groups);
    layouts.push({ layout: compileLayout(definition, length, () => groups), groups });
    end += HEADER_LENGTH + length;
  }
  if (end + HEADER_LENGTH > 0x1_0000) {
    throw new ConfigError(`Cannot simulate a map that ends at register ${end}: 65535 is the last`);
  }
  return new SimulatedDevice(options, layouts);
}
