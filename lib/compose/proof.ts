import type { RecordPlace } from "../avro/mod.ts";
import { messageOf } from "../core/mod.ts";
import { type Interval, Intervals } from "../intervals.ts";

/** What a proof says of one collector's positions in one epoch. */
export interface Finding {
  readonly collector: string;
  readonly epoch: number;
  /** The first and the last position that is there. */
  readonly first: number;
  readonly last: number;
  /** Records. */
  readonly count: number;
  /** Positions between `first` and `last` that are neither there nor told of by a gap record. */
  readonly holes: number;
  /** Records whose position had been there before. */
  readonly doubles: number;
  /** Records that stand behind one of a higher position. */
  readonly outOfOrder: number;
  /** Positions that are not there, as gap records say. */
  readonly gaps: number;
  readonly verdict: "proven" | "not proven";
  /** The first few of each. */
  readonly holesAt: readonly Interval[];
  readonly doublesAt: readonly number[];
}

const SHOWN = 10;

/** What was seen of one collector in one epoch. */
class Series {
  readonly seen = new Intervals();
  readonly excused = new Intervals();
  readonly doublesAt: number[] = [];
  count = 0;
  doubles = 0;
  outOfOrder = 0;
  #at: string | undefined;
  #before = -Infinity;

  add(position: number, at: string): void {
    this.count++;
    if (this.seen.add(position) === 0) {
      this.doubles++;
      if (this.doublesAt.length < SHOWN) this.doublesAt.push(position);
    }
    if (this.#at === at && position < this.#before) this.outOfOrder++;
    [this.#at, this.#before] = [at, position];
  }

  /** Readings that never got a position leave no hole: their gap has an empty range. */
  excuse({ first, last }: Interval): void {
    if (first <= last) this.excused.add(first, last);
  }

  /** What is not there although nothing excuses it. */
  *holes(): Generator<Interval> {
    for (const { first, last } of this.seen.holes(this.first, this.last)) {
      yield* this.excused.holes(first, last);
    }
  }

  get first(): number {
    return this.seen.all[0]?.first ?? 0;
  }

  get last(): number {
    return this.seen.all.at(-1)?.last ?? 0;
  }
}

/**
 * Proves that no position is missing and none is there twice. Records may come in any order, of
 * any number of collectors; what is kept are the intervals that they form.
 */
export class Proof {
  readonly #output: string;
  readonly #series = new Map<string, Map<number, Series>>();

  /** @param output whose gap records excuse what is missing */
  constructor(output: string) {
    this.#output = output;
  }

  /**
   * Takes a record.
   *
   * @param at the partition or file that it is in: order counts within one
   * @throws {Error} when there are too many holes to remember
   */
  add({ collector, epoch, position, gap }: RecordPlace, at: string): void {
    const epochs = this.#series.get(collector) ?? new Map<number, Series>();
    const series = epochs.get(epoch) ?? new Series();
    this.#series.set(collector, epochs.set(epoch, series));
    try {
      series.add(position, at);
      if (gap?.output === this.#output) series.excuse(gap);
    } catch (cause) {
      throw new Error(
        `collector "${collector}" has ${messageOf(cause)} in epoch ${epoch}`,
        { cause },
      );
    }
  }

  /** What was found, by collector and epoch. */
  findings(): Finding[] {
    return [...this.#series].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([collector, epochs]) =>
      [...epochs].sort(([a], [b]) => a - b).map(([epoch, series]) =>
        findingOf(collector, epoch, series)
      )
    );
  }
}

function findingOf(collector: string, epoch: number, series: Series): Finding {
  const { first, last, count, doubles, outOfOrder, doublesAt, seen, excused } = series;
  const sizeOf = (holes: Iterable<Interval>) =>
    [...holes].reduce((sum, hole) => sum + hole.last - hole.first + 1, 0);
  const holes = sizeOf(series.holes());
  const missing = [...excused.all].flatMap((gap) => [...seen.holes(gap.first, gap.last)]);
  const isProven = holes === 0 && doubles === 0 && outOfOrder === 0;
  return {
    ...{ collector, epoch, first, last, count, holes, doubles, outOfOrder, doublesAt },
    gaps: sizeOf(missing),
    verdict: isProven ? "proven" : "not proven",
    holesAt: [...take(series.holes(), SHOWN)],
  };
}

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const item of items) {
    if (left-- <= 0) return;
    yield item;
  }
}
