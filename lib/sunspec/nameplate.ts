import { decodeValue, type ModelImage } from "./decode.ts";
import type { Layout, Leaf } from "./layout.ts";

/** A quantity that a nameplate limits. */
export type Limited = "W" | "VA" | "var" | "A" | "V";

/** The most that a device says it can: in W, VA, var, A, V. */
export type Nameplate = Readonly<Partial<Record<Limited, number>>>;

/** A quantity of an alternating or a direct current, or a counter of it. */
export interface LimitedKind {
  /** What is limited. */
  readonly quantity: Limited;
  /** On the direct current's side. */
  readonly isDirect: boolean;
  /** It counts this quantity over hours. */
  readonly isEnergy: boolean;
}

/** Models that say what a device can; ratings as well as settings, the largest counts. */
const NAMEPLATES: Readonly<Record<number, Readonly<Record<Limited, readonly string[]>>>> = {
  120: {
    W: ["WRtg", "MaxChaRte", "MaxDisChaRte"],
    VA: ["VARtg"],
    var: ["VArRtgQ1", "VArRtgQ2", "VArRtgQ3", "VArRtgQ4"],
    A: ["ARtg"],
    V: [],
  },
  121: {
    W: ["WMax"],
    VA: ["VAMax"],
    var: ["VArMaxQ1", "VArMaxQ2", "VArMaxQ3", "VArMaxQ4"],
    A: [],
    V: ["VRef", "VMax"],
  },
  702: {
    W: ["WMaxRtg", "WMax", "WChaRteMaxRtg", "WDisChaRteMaxRtg"],
    VA: ["VAMaxRtg", "VAMax", "VAChaRteMaxRtg", "VADisChaRteMaxRtg"],
    var: ["VarMaxInjRtg", "VarMaxAbsRtg"],
    A: ["AMaxRtg"],
    V: ["VNomRtg", "VMaxRtg", "VNom", "VMax"],
  },
};

/** Models of what a nameplate speaks of; a meter behind the same unit id measures something else. */
const LIMITED_MODELS: ReadonlySet<number> = new Set(
  [101, 102, 103, 111, 112, 113, 122, 160, 701, 714],
);
const DIRECT_MODELS: ReadonlySet<number> = new Set([160, 714]);

const UNITS: Readonly<Record<string, Limited>> = {
  w: "W",
  va: "VA",
  var: "var",
  a: "A",
  v: "V",
};

/** The rating may be a phase's, the value the sum of three; voltages may be between two phases. */
const PHASES = 3;
/** How far beyond its nameplate a device may go before what it says cannot be true. */
const MARGINS: Readonly<Record<Limited, number>> = {
  W: 1.2,
  VA: 1.25,
  var: 1.25,
  A: 1.25 * PHASES,
  V: 1.25 * Math.sqrt(PHASES),
};
/** Strings may be connected for three times the power that the inverter gives. */
const DIRECT_MARGIN = 3;

/** Whether a model says what a device can. */
export function isNameplate(modelId: number): boolean {
  return modelId in NAMEPLATES;
}

/** What a nameplate model says, together with what is known from others. */
export function nameplateOf(layout: Layout, image: ModelImage, known: Nameplate): Nameplate {
  const result = { ...known };
  for (const quantity of ["W", "VA", "var", "A", "V"] as const) {
    const names = NAMEPLATES[layout.model.id]?.[quantity] ?? [];
    for (const leaf of layout.leaves) {
      if (!names.includes(leaf.name)) continue;
      const most = Math.abs(decodeValue(leaf, image).number ?? 0);
      if (most > (result[quantity] ?? 0)) result[quantity] = most;
    }
  }
  return result;
}

/** Which of the nameplate's quantities a point is, if any. */
export function limitedKind(modelId: number, { name, definition }: Leaf): LimitedKind | undefined {
  if (!LIMITED_MODELS.has(modelId)) return undefined;
  const units = definition.units?.toLowerCase() ?? "";
  const isEnergy = units.endsWith("h");
  const quantity = UNITS[isEnergy ? units.slice(0, -1) : units];
  if (quantity === undefined) return undefined;
  const isDirect = DIRECT_MODELS.has(modelId) || /(^|\.)DC[^.]*$/.test(name);
  return { quantity, isDirect, isEnergy };
}

/** What a quantity can reach; in the quantity's own unit, for a counter per hour; undefined = not known. */
export function ceilingOf(
  nameplate: Nameplate | undefined,
  { quantity, isDirect }: LimitedKind,
): number | undefined {
  const most = nameplate?.[quantity];
  if (most === undefined) return undefined;
  if (!isDirect) return most * MARGINS[quantity];
  return quantity === "W" ? most * DIRECT_MARGIN : undefined;
}
