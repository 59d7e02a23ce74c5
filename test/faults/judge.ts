import { pointsOf } from "../e2e/expected.ts";
import type { Delivered } from "./delivered.ts";
import type { Devices } from "./devices.ts";
import {
  countFalselyTold,
  countLost,
  countUntold,
  type Placed,
  placed,
  toldPlaces,
} from "./loss.ts";

/** What one destination has, held against what was committed. */
export interface Verdict {
  readonly committed: number;
  readonly delivered: number;
  readonly lost: number;
  readonly twice: number;
  readonly wrong: number;
  /** Readings that gap records say are missing. */
  readonly gapsRecorded: number;
  /** Positions that those records stand for. */
  readonly told: number;
  /** The first faults, in words. */
  readonly faults: readonly string[];
}

/** What there is to know of the devices. */
export type ServedDevices = Pick<Devices, "endpoints" | "expected" | "served">;

/** What is judged. */
export interface Evidence {
  /** Keys in the order in which they were committed. */
  readonly committed: readonly string[];
  /** In the order in which the destination has them. */
  readonly delivered: readonly Delivered[];
  readonly devices: ServedDevices;
  /** The output's name: only its own gap records excuse it. */
  readonly output: string;
}

const SHOWN_FAULTS = 5;

/** Judges one destination; knows nothing of how it was filled. */
export function judge(evidence: Evidence): Verdict {
  const faults: string[] = [];
  const { committed, devices, output } = evidence;
  const delivered = placed(evidence.delivered);
  const twice = countTwice(delivered, faults);
  const missing = toldPlaces(delivered, output);
  const wrong = countWrong(delivered, devices, faults) + countOutOfOrder(delivered, faults) +
    countFalselyTold(delivered, missing, faults);
  // A reading that is lost leaves a hole, where others came after it: it counts once.
  const lost = Math.max(
    countLost(committed, delivered, missing, faults),
    countUntold(delivered, missing, faults),
  );
  const readings = delivered.filter(({ kind }) => kind === "reading");
  return {
    committed: committed.length,
    delivered: new Set(readings.map(({ key }) => key)).size,
    lost,
    twice,
    wrong,
    gapsRecorded: delivered.reduce(
      (sum, { gap }) => sum + (gap?.output === output ? gap.count : 0),
      0,
    ),
    told: missing.length,
    faults: faults.slice(0, SHOWN_FAULTS),
  };
}

/** Exactly once: neither a position nor a reading is there again. */
function countTwice(delivered: readonly Delivered[], faults: string[]): number {
  const seen = new Set<string>();
  let twice = 0;
  for (const { epoch, position, kind, key } of delivered) {
    const names = [`position ${position} of epoch ${epoch}`, ...kind === "reading" ? [key] : []];
    const known = names.filter((name) => seen.has(name));
    if (known.length > 0) {
      twice++;
      faults.push(`twice: ${known.join(", ")}`);
    }
    for (const name of names) seen.add(name);
  }
  return twice;
}

/** Order: positions rise, and with them the times of each source. */
function countOutOfOrder(delivered: readonly Placed[], faults: string[]): number {
  const times = new Map<string, number>();
  let place = 0;
  let wrong = 0;
  for (const found of delivered) {
    const source = found.key.replace(/ \d+$/, "");
    const time = times.get(source) ?? 0;
    if (found.place <= place || found.kind === "reading" && found.collectedAt <= time) {
      wrong++;
      faults.push(`out of order: ${found.position}, ${found.key} behind ${time}`);
    }
    place = found.place;
    times.set(source, found.collectedAt);
  }
  return wrong;
}

/** No phantom, no mutation: each reading says what its device served in one state, never going back. */
function countWrong(
  delivered: readonly Delivered[],
  devices: ServedDevices,
  faults: string[],
): number {
  const { served, expected, endpoints } = devices;
  const reached = new Map<string, number>();
  let wrong = 0;
  for (const { kind, key, endpoint, unitId, modelId, record } of delivered) {
    if (kind !== "reading") continue;
    const index = endpoints.indexOf(endpoint);
    const source = `${index}/${unitId}/${modelId}`;
    const said = JSON.stringify(pointsOf(record));
    const start = reached.get(source) ?? 0;
    const at = index < 0
      ? -1
      : served.findIndex((n, i) =>
        i >= start && JSON.stringify(expected.points(index, unitId, modelId, n)) === said
      );
    if (at >= 0) {
      reached.set(source, at);
      continue;
    }
    wrong++;
    faults.push(`never served behind state ${served[start]}: ${key} ${said}`);
  }
  return wrong;
}
