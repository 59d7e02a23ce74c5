import { type CounterEvent, judgeCounter } from "./counter.ts";
import {
  ALL_GOOD,
  decodeValue,
  scaleFactor,
  type Value,
  type Verdict,
  type VerdictOf,
  wireValue,
} from "./decode.ts";
import { KnownCounter } from "./known_counter.ts";
import type { Layout, Leaf } from "./layout.ts";
import {
  ceilingOf,
  isNameplate,
  type LimitedKind,
  limitedKind,
  type Nameplate,
  nameplateOf,
} from "./nameplate.ts";
import type { ModelRead } from "./model_read.ts";

/** A point that can be doubted. */
interface Watched {
  readonly leaf: Leaf;
  /** It only ever rises, and begins at 0 again after its largest value on the wire. */
  readonly counter: { readonly range: number | undefined } | undefined;
  readonly limit: LimitedKind | undefined;
}

/** A model of a device, for its judge. */
export interface TrustedModel {
  /** Tells it from the device's other models. */
  readonly key: string;
  /** Which child device it belongs to. */
  readonly child: number | undefined;
  /** Where its points lie. */
  readonly layout: Layout;
}

/** Something that happened to a counter. */
export interface TrustEvent {
  /** A word for programs. */
  readonly event: CounterEvent;
  /** Which point. */
  readonly leaf: Leaf;
  /** The last value that was believed. */
  readonly before: Value;
  /** The one that is believed now. */
  readonly now: Value;
}

/** What is to be known about the points of one read. */
export interface Judgement {
  /** Which points are not plainly good. */
  readonly verdictOf: VerdictOf;
  /** What happened to counters. */
  readonly events: readonly TrustEvent[];
}

const SPLIT: Verdict = { quality: "sf_split", instead: undefined };
const IMPLAUSIBLE: Verdict = { quality: "implausible", instead: undefined };
const NOT_ACCUMULATED: Value = { shown: null, number: null };

/** Counters that the standard does not call accumulators; smaller types of these units are stocks. */
const COUNTER_UNITS: ReadonlySet<string> = new Set(["wh", "vah", "varh", "ah"]);
const COUNTER_TYPES: ReadonlySet<string> = new Set(["uint32", "uint64", "float32", "float64"]);
/** From here on models are vendors' own: what they count is theirs to say. */
const FIRST_VENDOR_MODEL = 64_000;
/** The digits that a float32 has. */
const FLOAT_STEP = 2 ** -23;

/** What is believed of one device's values, and why: its counters and its nameplate. */
export class Trust {
  /** By model, then by the point's name. */
  readonly #counters = new Map<string, Map<string, KnownCounter>>();
  readonly #nameplates = new Map<number | undefined, Nameplate>();

  /** Takes the limits of the device from its nameplate models; other models say nothing. */
  learn({ child, layout }: TrustedModel, read: ModelRead): void {
    if (!isNameplate(layout.model.id) || read.readAt === 0) return;
    const known = this.#nameplates.get(child) ?? {};
    this.#nameplates.set(child, nameplateOf(layout, read.image, known));
  }

  /**
   * Judges what was read of a model.
   *
   * @param at milliseconds on a clock that never steps
   */
  judge(model: TrustedModel, read: ModelRead, at: number): Judgement {
    let verdicts: Map<Leaf, Verdict> | undefined;
    const events: TrustEvent[] = [];
    const nameplate = this.#nameplates.get(model.child);
    const known = { nameplate, counters: this.#countersOf(model.key), at, events };
    const { isWhole } = read;
    for (const watched of watchedOf(model.layout)) {
      const { leaf, counter } = watched;
      if (!counter && !nameplate) continue;
      // A value that came apart from its factor says nothing about the ones before and after it.
      if (!isWhole && (!read.isRead(leaf) || read.isSplit(leaf))) continue;
      const verdict = counter
        ? judgeCounterPoint(watched, read, known)
        : judgeLimit(watched, read, nameplate);
      if (verdict) verdicts = (verdicts ?? new Map<Leaf, Verdict>()).set(leaf, verdict);
    }
    if (!verdicts && isWhole) return { verdictOf: ALL_GOOD, events };
    const verdictOf = (leaf: Leaf) =>
      verdicts?.get(leaf) ?? (read.isSplit(leaf) ? SPLIT : undefined);
    return { verdictOf, events };
  }

  #countersOf(key: string): Map<string, KnownCounter> {
    const known = this.#counters.get(key);
    if (known) return known;
    const counters = new Map<string, KnownCounter>();
    this.#counters.set(key, counters);
    return counters;
  }
}

/** What a counter is judged by, and who is told of what happened to it. */
interface KnownOfModel {
  readonly nameplate: Nameplate | undefined;
  /** By the point's name. */
  readonly counters: Map<string, KnownCounter>;
  /** Milliseconds on a clock that never steps. */
  readonly at: number;
  readonly events: TrustEvent[];
}

function judgeLimit(
  { leaf, limit }: Watched,
  { image }: ModelRead,
  nameplate: Nameplate | undefined,
): Verdict | undefined {
  const ceiling = limit && ceilingOf(nameplate, limit);
  if (ceiling === undefined) return undefined;
  const wire = wireValue(leaf, image);
  const factor = scaleFactor(leaf, image);
  if (wire === null || factor === null) return undefined;
  return Math.abs(Number(wire)) * 10 ** factor > ceiling ? IMPLAUSIBLE : undefined;
}

function judgeCounterPoint(
  { leaf, counter, limit }: Watched,
  { image }: ModelRead,
  { nameplate, counters, at, events }: KnownOfModel,
): Verdict | undefined {
  const wire = wireValue(leaf, image);
  const factor = scaleFactor(leaf, image);
  // An accumulator's mark for "not accumulated" is 0: only there does null mean a number.
  if (factor === null || (wire === null && !isAccumulator(leaf))) return undefined;
  const known = counters.get(leaf.name);
  if (known?.stands(wire, factor)) return undefined;
  const value = decodeValue(leaf, image);
  if (wire !== null && value.number === null) return undefined;
  const number = value.number ?? 0;
  const scale = 10 ** factor;
  const sample = {
    value: number,
    step: leaf.definition.type.kind === "float" ? number * FLOAT_STEP : scale,
    top: counter?.range === undefined ? undefined : counter.range * scale,
    at,
  };
  const reading = { wire, factor, value };
  const most = limit && ceilingOf(nameplate, limit);
  if (known?.goesOn(sample, reading, most)) return undefined;
  const { state, quality, event } = judgeCounter(known?.state, sample, most);
  if (event && known) events.push({ event, leaf, before: known.value, now: value });
  if (!state) counters.delete(leaf.name);
  else if (!known) counters.set(leaf.name, new KnownCounter(state, reading));
  else known.take(state, state.good === sample ? reading : undefined);
  if (quality === "counter_held") return { quality, instead: known?.value ?? NOT_ACCUMULATED };
  return quality === null ? undefined : IMPLAUSIBLE;
}

const watchedByLayout = new WeakMap<Layout, readonly Watched[]>();

/** The points of a model that can be doubted; found once, for devices share layouts. */
function watchedOf(layout: Layout): readonly Watched[] {
  let watched = watchedByLayout.get(layout);
  if (!watched) {
    watched = layout.data.flatMap((leaf) => {
      const counter = isCounter(layout.model.id, leaf) ? { range: rangeOf(leaf) } : undefined;
      const limit = limitedKind(layout.model.id, leaf);
      // A stock of energy is neither a counter nor limited by power.
      if (!counter && (!limit || limit.isEnergy)) return [];
      return [{
        leaf,
        counter,
        limit: limit?.isEnergy === (counter !== undefined) ? limit : undefined,
      }];
    });
    watchedByLayout.set(layout, watched);
  }
  return watched;
}

function isAccumulator({ definition }: Leaf): boolean {
  return definition.typeName.startsWith("acc");
}

function isCounter(modelId: number, leaf: Leaf): boolean {
  if (isAccumulator(leaf)) return true;
  const { typeName, units, isStatic, isWritable } = leaf.definition;
  return modelId < FIRST_VENDOR_MODEL && !isStatic && !isWritable &&
    COUNTER_TYPES.has(typeName) && COUNTER_UNITS.has(units?.toLowerCase() ?? "");
}

/** How many values an integer counter has. */
function rangeOf({ definition }: Leaf): number | undefined {
  return definition.type.kind === "integer" ? 2 ** (16 * definition.size) : undefined;
}
