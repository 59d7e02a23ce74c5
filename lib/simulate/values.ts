import type { Leaf, WireValue } from "../sunspec/mod.ts";

/** Who a simulated device says it is. */
export interface SimulatedIdentity {
  /** Point Mn of the common model. */
  readonly manufacturer: string;
  /** Point Md. */
  readonly model: string;
  /** Point Opt. */
  readonly options: string;
  /** Point Vr. */
  readonly version: string;
  /** Point SN. */
  readonly serialNumber: string;
}

/** One device at one moment of its day. */
export interface Moment {
  /** Who it says it is. */
  readonly identity: SimulatedIdentity;
  /** Point DA of the common model. */
  readonly unitId: number;
  /** Tells devices apart: the same seed gives the same day. */
  readonly seed: number;
  /** Counts the states of the device; the same n gives the same registers. */
  readonly n: number;
  /** How many groups every count point announces. */
  readonly groups: number;
}

/** Seconds of the simulated day that pass from one n to the next: a day lasts 24 minutes at 1 s. */
const STEP_S = 60;
const DAY_S = 86_400;
/** The day begins at ten in the morning. */
const START_S = 10 * 3600;
const SUNRISE_S = 6 * 3600;
const DAYLIGHT_S = 12 * 3600;
const PEAK_W = 8_000;
const LINE_V = 230;
const LINE_HZ = 50;
const STRING_V = 620;

/** A hash of integers, 0 ≤ result < 1: chance that can be repeated (mulberry32). */
export function chance(...keys: readonly number[]): number {
  let state = 0x9e37_79b9;
  for (const key of keys) {
    state = Math.imul(state ^ key, 0x85eb_ca6b) + 0x6d2b_79f5 | 0;
    state = Math.imul(state ^ state >>> 15, state | 1);
    state ^= state + Math.imul(state ^ state >>> 7, state | 61);
  }
  return ((state ^ state >>> 14) >>> 0) / 0x1_0000_0000;
}

function hashText(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash, 31) + text.charCodeAt(i) | 0;
  return hash >>> 0;
}

/** How high the sun stands: 0 at night, 1 at noon. */
function sun(n: number): number {
  const time = (START_S + n * STEP_S) % DAY_S;
  const angle = Math.PI * (time - SUNRISE_S) / DAYLIGHT_S;
  return angle > 0 && angle < Math.PI ? Math.sin(angle) : 0;
}

/** Watts on the alternating side: the sun, some clouds. */
function acPower({ seed, n }: Moment): number {
  return Math.round(PEAK_W * sun(n) * (0.7 + 0.3 * chance(seed, n)));
}

/**
 * Watt-hours since the first day; never falls. The sun hurries, energy does not: from one n to the
 * next it is what the power gives in a second.
 */
function energy({ seed, n }: Moment): number {
  const time = START_S + n * STEP_S;
  const days = Math.floor(time / DAY_S);
  const angle = Math.PI * Math.min(Math.max(time % DAY_S - SUNRISE_S, 0), DAYLIGHT_S) / DAYLIGHT_S;
  const perDay = PEAK_W * 0.85 * DAYLIGHT_S / 3600 * 2 / Math.PI / STEP_S;
  return Math.floor(1_000_000 * (1 + seed % 7) + perDay * (days + (1 - Math.cos(angle)) / 2)) + n;
}

/** Powers of ten for scale factors, by what the name begins with. */
const SCALE_FACTORS: readonly (readonly [RegExp, number])[] = [
  [/^(Hz|PF|A|DCA|InDCA)_SF$/, -2],
  [/^(V|PPV|DCV|Tmp|Pct|VNomPct|InDCV)_SF$/, -1],
  [/_SF$/, 0],
];

function scaleFactor(name: string): number {
  return SCALE_FACTORS.find(([pattern]) => pattern.test(name))?.[1] ?? 0;
}

/** Physical values of well-known points. */
const QUANTITIES: Readonly<Record<string, (moment: Moment) => number>> = {
  A: (m) => acPower(m) / LINE_V,
  AphA: (m) => acPower(m) / LINE_V / 3,
  AphB: (m) => acPower(m) / LINE_V / 3,
  AphC: (m) => acPower(m) / LINE_V / 3,
  PhVphA: (m) => LINE_V + 3 * chance(m.seed, m.n, 1),
  PhVphB: (m) => LINE_V + 3 * chance(m.seed, m.n, 2),
  PhVphC: (m) => LINE_V + 3 * chance(m.seed, m.n, 3),
  Hz: (m) => LINE_HZ + 0.1 * (chance(m.seed, m.n, 4) - 0.5),
  W: acPower,
  VA: (m) => acPower(m) * 1.01,
  VAr: (m) => acPower(m) * 0.14,
  PF: () => 0.99,
  WH: energy,
  TotWhExp: energy,
  TotWhImp: (m) => 500 + m.n,
  TotWhInj: energy,
  DCA: (m) => acPower(m) * 1.03 / STRING_V,
  DCV: (m) => STRING_V + 20 * chance(m.seed, m.n, 5),
  DCW: (m) => acPower(m) * 1.03,
  DCWH: energy,
  TmpCab: (m) => 25 + 20 * sun(m.n) + chance(m.seed, m.n, 6),
  Tmp: (m) => 25 + 20 * sun(m.n) + chance(m.seed, m.n, 7),
  SoC: (m) => 50 + 40 * sun(m.n),
  ...rated(10_000, "WRtg", "WMax", "WMaxRtg", "VARtg", "VAMax", "VAMaxRtg"),
  ...rated(6000, "VArRtgQ1", "VArRtgQ2", "VArRtgQ3", "VArRtgQ4"),
  ...rated(6000, "VArMaxQ1", "VArMaxQ2", "VArMaxQ3", "VArMaxQ4", "VarMaxInjRtg", "VarMaxAbsRtg"),
  ...rated(16, "ARtg", "AMaxRtg"),
};

function rated(value: number, ...names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, () => value]));
}

/** What is counted where there is room for it, and so only ever rises. */
const COUNTED: ReadonlySet<string> = new Set(["Wh", "VAh", "varh", "Ah"]);

/** A plausible size by unit, for points not named above. */
const BY_UNIT: Readonly<Record<string, number>> = {
  A: 10,
  V: 230,
  W: 1_500,
  VA: 1_600,
  var: 200,
  Hz: 50,
  C: 30,
  Wh: 100_000,
  VAh: 110_000,
  varh: 9_000,
  Pct: 50,
  Secs: 60,
};

/** Widest value by type; the highest code of each means "not implemented". */
const LARGEST: Readonly<Record<string, number>> = {
  int16: 32_767,
  uint16: 65_534,
  int32: 2_147_483_647,
  uint32: 4_294_967_294,
  acc16: 65_535,
  acc32: 4_294_967_295,
};

/** The value on the wire of one point: a pure function of the device, the point and n. */
export function wireValueAt(modelId: number, leaf: Leaf, moment: Moment): WireValue {
  const { definition, name } = leaf;
  switch (definition.type.kind) {
    case "pad":
      return 0;
    case "scale_factor":
      return scaleFactor(definition.name);
    case "text":
      return textAt(modelId, leaf, moment);
    case "enum":
      return enumAt(leaf, moment);
    case "bitfield":
      return 0;
    case "float":
      return Math.fround(quantityAt(leaf, moment));
    case "integer":
      break;
  }
  if (definition.typeName === "count" || /^N(Crv|Pt|Ctl|Prt|Str|Mod|CrvSet|Prof)$/.test(name)) {
    return moment.groups;
  }
  if (modelId === 1 && name === "DA") return moment.unitId;
  const factor = typeof leaf.scale === "object"
    ? scaleFactor(leaf.scale.definition.name)
    : leaf.scale ?? 0;
  const wire = Math.round(quantityAt(leaf, moment) / 10 ** factor);
  return Math.min(wire, LARGEST[definition.typeName] ?? Number.MAX_SAFE_INTEGER);
}

function quantityAt({ name, definition }: Leaf, moment: Moment): number {
  // Each instance of a group has a day of its own.
  const own = { ...moment, seed: moment.seed + hashText(name) % 97 };
  const quantity = QUANTITIES[definition.name];
  if (quantity) return quantity(name === definition.name ? moment : own);
  const base = BY_UNIT[definition.units ?? ""] ?? 1;
  if (definition.size > 1 && COUNTED.has(definition.units ?? "")) {
    return base + Math.round(base * 0.1 * chance(own.seed, hashText(name))) + own.n;
  }
  return base + Math.round(base * 0.1 * chance(own.seed, hashText(name), own.n));
}

function enumAt({ definition }: Leaf, { n }: Moment): number {
  const symbols = [...definition.symbols];
  if (definition.name === "St") {
    const state = sun(n) > 0 ? "MPPT" : "SLEEPING";
    const found = symbols.find(([, symbol]) => symbol === state);
    if (found) return found[0];
  }
  return symbols[0]?.[0] ?? 0;
}

function textAt(modelId: number, { definition }: Leaf, { identity }: Moment): WireValue {
  if (modelId === 1) {
    switch (definition.name) {
      case "Mn":
        return identity.manufacturer;
      case "Md":
        return identity.model;
      case "Opt":
        return identity.options;
      case "Vr":
        return identity.version;
      case "SN":
        return identity.serialNumber;
    }
  }
  if (definition.typeName === "ipaddr") return "192.0.2.10";
  if (definition.typeName === "ipv6addr") return "2001:db8::10";
  if (definition.typeName === "eui48") return "02:00:5E:00:53:01";
  return definition.name.slice(0, definition.size * 2);
}
