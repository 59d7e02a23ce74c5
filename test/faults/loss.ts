import type { Delivered } from "./delivered.ts";

/** A record and where it stands among those of all epochs. */
export type Placed = Delivered & { readonly place: number };

/** More than any experiment writes. */
const POSITIONS = 2 ** 40;

/** Gives each record its place: positions count anew in each epoch. */
export function placed(delivered: readonly Delivered[]): Placed[] {
  const epochs = [...new Set(delivered.map(({ epoch }) => epoch))].sort((a, b) => a - b);
  return delivered.map((found) => ({
    ...found,
    place: epochs.indexOf(found.epoch) * POSITIONS + found.position,
  }));
}

/** Places that an output's gap records say it will not get, in order. */
export function toldPlaces(delivered: readonly Placed[], output: string): readonly number[] {
  const told = new Set<number>();
  for (const { gap, position, place } of delivered) {
    if (gap?.output !== output) continue;
    for (let at = gap.first; at <= gap.last; at++) told.add(place - position + at);
  }
  return [...told].sort((a, b) => a - b);
}

/** No false alarm: what is told of as lost is not there. */
export function countFalselyTold(
  delivered: readonly Placed[],
  told: readonly number[],
  faults: string[],
): number {
  const places = new Set(told);
  const there = delivered.filter(({ place }) => places.has(place));
  for (const { position, key } of there) faults.push(`told of as lost: ${position}, ${key}`);
  return there.length;
}

/**
 * No loss: between two delivered readings, no more committed ones are missing than there are
 * places that a gap record excuses.
 */
export function countLost(
  committed: readonly string[],
  delivered: readonly Placed[],
  missing: readonly number[],
  faults: string[],
): number {
  const places = new Map(delivered.map(({ key, place }) => [key, place]));
  let lost = 0;
  let excused = 0;
  let absent: string[] = [];
  const settle = (place: number) => {
    const from = excused;
    while ((missing[excused] ?? Infinity) < place) excused++;
    const excess = absent.length - (excused - from);
    if (excess > 0) {
      lost += excess;
      faults.push(`lost: ${excess}, among them ${absent.at(0)} and ${absent.at(-1)}`);
    }
    absent = [];
  };
  for (const key of committed) {
    const place = places.get(key);
    if (place === undefined) absent.push(key);
    else settle(place);
  }
  settle(Infinity);
  return lost;
}

/** No silent gap: each position from the first of an epoch on is there, or told of. */
export function countUntold(
  delivered: readonly Placed[],
  missing: readonly number[],
  faults: string[],
): number {
  const told = new Set(missing);
  let untold = 0;
  let before: Placed | undefined;
  for (const found of delivered) {
    const isSameEpoch = before?.epoch === found.epoch;
    // A renewed epoch goes on counting; only what it counts on from is not known here.
    const first = !before ? found.place - found.position + 1 : before.place + 1;
    for (let place = isSameEpoch || !before ? first : found.place; place < found.place; place++) {
      if (told.has(place)) continue;
      untold++;
      faults.push(`nobody tells of position ${found.position - (found.place - place)}`);
    }
    before = found;
  }
  return untold;
}
