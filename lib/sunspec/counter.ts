/** A counter as one poll read it. */
export interface CounterSample {
  /** Scaled. */
  readonly value: number;
  /** The least that it can move by: one unit on the wire. */
  readonly step: number;
  /** What follows its largest value is 0; undefined = it never gets there. */
  readonly top: number | undefined;
  /** Milliseconds on a clock that never steps. */
  readonly at: number;
}

/** What is known of a counter from the polls before. */
export interface CounterState {
  /** The last reading that was believed, as of when it had that value first. */
  readonly good: CounterSample;
  /** Whether it was seen to move: only then is it known since when it stands where it stands. */
  readonly hasMoved: boolean;
  /** While it stands at 0: where it stood before, and may stand again when the device is awake. */
  readonly beforeZero: CounterSample | undefined;
  /** The last reading that was not believed, and how many that agree there were in a row. */
  readonly doubted: { readonly sample: CounterSample; readonly count: number } | undefined;
}

/** What is to be told about a counter: it began anew at its end, was set back, or set forward. */
export type CounterEvent = "counter_wrap" | "counter_reset" | "counter_jump";

/** What one reading of a counter is worth. */
export interface CounterVerdict {
  /** For the next time; undefined = the counter stands at 0, nothing is known. */
  readonly state: CounterState | undefined;
  /** `counter_held`: the last good value is to be shown instead. */
  readonly quality: "counter_held" | "implausible" | null;
  /** What happened to it. */
  readonly event: CounterEvent | undefined;
}

/** So many polls that agree are believed, whatever they say. */
const ENOUGH = 3;
/** Within this share of its range at either end, a counter that falls has wrapped. */
const WRAP_SHARE = 1 / 64;
/** A counter may have run at twice its peak rate: it moves in steps of its own. */
const MARGIN = 2;
const HOUR_MS = 3_600_000;

/**
 * Says what a reading of a counter is worth. Inverters answer 0 or rubbish as they wake up: a
 * counter that fell is held, one that rose faster than the device can is implausible, until three
 * polls in a row agree.
 *
 * @param known what the last verdict gave; undefined = nothing
 * @param mostPerHour what it can rise by in an hour; undefined = not known
 */
export function judgeCounter(
  known: CounterState | undefined,
  sample: CounterSample,
  mostPerHour: number | undefined,
): CounterVerdict {
  if (!known) return believed(undefined, sample, undefined);
  const { good, hasMoved, beforeZero } = known;
  if (beforeZero && !isFallen(beforeZero, sample) && !isBeyond(beforeZero, sample, mostPerHour)) {
    return believed({ ...known, good: beforeZero }, sample, undefined);
  }
  const isFall = isFallen(good, sample);
  const most = hasMoved ? mostPerHour : undefined;
  if (!isFall && !isBeyond(good, sample, most)) return believed(known, sample, undefined);
  if (isFall && isWrap(good, sample, most)) return believed(known, sample, "counter_wrap");
  const count = agrees(known, sample, mostPerHour) ? (known.doubted?.count ?? 0) + 1 : 1;
  if (count >= ENOUGH) return believed(known, sample, isFall ? "counter_reset" : "counter_jump");
  return {
    state: { ...known, doubted: { sample, count } },
    quality: isFall ? "counter_held" : "implausible",
    event: undefined,
  };
}

function believed(
  known: CounterState | undefined,
  sample: CounterSample,
  event: CounterEvent | undefined,
): CounterVerdict {
  const isStill = known !== undefined && event === undefined && sample.value <= known.good.value;
  const isZero = sample.value === 0;
  const isReset = event === "counter_reset";
  // A counter that was 0 from the first is not known to have ever been anything else.
  if (isZero && !known) return { state: undefined, quality: null, event };
  const state = {
    good: isStill ? known.good : sample,
    hasMoved: isZero || (known !== undefined && (known.hasMoved || !isStill) && !isReset),
    beforeZero: isZero ? known?.beforeZero ?? known?.good : undefined,
    doubted: undefined,
  };
  return { state, quality: null, event };
}

function isFallen(before: CounterSample, now: CounterSample): boolean {
  if (now.value === 0) return before.value > 0;
  return now.value < before.value - slack(before, now);
}

/** Whether a counter plainly goes on: it has more than before, and no more than it can. */
export function isRise(
  before: CounterSample,
  now: CounterSample,
  mostPerHour: number | undefined,
): boolean {
  return now.value > before.value && now.value !== 0 && !isBeyond(before, now, mostPerHour);
}

function isBeyond(
  before: CounterSample,
  now: CounterSample,
  mostPerHour: number | undefined,
): boolean {
  return now.value - before.value > mostBetween(before, now, mostPerHour);
}

/** A coarser scale rounds: that is no fall. */
function slack(before: CounterSample, now: CounterSample): number {
  return before.step === now.step ? 0 : Math.max(before.step, now.step);
}

/** The most that it can rise by. */
function mostBetween(
  before: CounterSample,
  now: CounterSample,
  mostPerHour: number | undefined,
): number {
  if (mostPerHour === undefined) return Number.POSITIVE_INFINITY;
  const hours = Math.max(now.at - before.at, 0) / HOUR_MS;
  return MARGIN * (mostPerHour * hours + Math.max(before.step, now.step));
}

function isWrap(
  before: CounterSample,
  now: CounterSample,
  mostPerHour: number | undefined,
): boolean {
  const { top } = now;
  if (top === undefined || top !== before.top || now.value === 0) return false;
  const isAtEnds = before.value >= top * (1 - WRAP_SHARE) && now.value <= top * WRAP_SHARE;
  return isAtEnds && top - before.value + now.value <= mostBetween(before, now, mostPerHour);
}

/** Whether a reading goes on from the one that was doubted before it. */
function agrees(
  { doubted }: CounterState,
  now: CounterSample,
  mostPerHour: number | undefined,
): boolean {
  if (!doubted) return false;
  const before = doubted.sample;
  return now.value >= before.value - slack(before, now) && !isBeyond(before, now, mostPerHour);
}
