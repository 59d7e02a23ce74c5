/** Whole numbers from `first` to `last`, both included. */
export interface Interval {
  /** Included. */
  readonly first: number;
  /** Included. */
  readonly last: number;
}

/** More than this is no set of intervals any more, and would fill the memory. */
const MOST = 200_000;

/** A set of whole numbers, kept as the intervals that it consists of. */
export class Intervals {
  /** In order; between two of them there is always something missing. */
  readonly #intervals: { first: number; last: number }[] = [];

  /** In order, neither touching nor overlapping. */
  get all(): readonly Interval[] {
    return this.#intervals;
  }

  /** How many numbers there are. */
  get size(): number {
    return this.#intervals.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  /**
   * Adds the numbers from `first` to `last`; gives how many of them were not there before.
   *
   * @throws {Error} when the set has too many holes
   */
  add(first: number, last: number = first): number {
    const tail = this.#intervals.at(-1);
    if (tail && tail.last + 1 === first) {
      tail.last = last;
      return last - first + 1;
    }
    const start = this.#indexOf(first - 1);
    let end = start;
    let known = 0;
    const merged = { first, last };
    for (; end < this.#intervals.length; end++) {
      const other = this.#intervals[end];
      if (!other || other.first > last + 1) break;
      known += Math.max(0, Math.min(last, other.last) - Math.max(first, other.first) + 1);
      merged.first = Math.min(merged.first, other.first);
      merged.last = Math.max(merged.last, other.last);
    }
    this.#intervals.splice(start, end - start, merged);
    if (this.#intervals.length > MOST) throw new Error(`more than ${MOST} holes`);
    return last - first + 1 - known;
  }

  /** What is missing between `first` and `last`, both included. */
  *holes(first: number, last: number): Generator<Interval> {
    let next = first;
    for (let i = this.#indexOf(first); i < this.#intervals.length && next <= last; i++) {
      const interval = this.#intervals[i];
      if (!interval || interval.first > last) break;
      if (interval.first > next) yield { first: next, last: interval.first - 1 };
      next = interval.last + 1;
    }
    if (next <= last) yield { first: next, last };
  }

  /** Index of the first interval that ends at `at` or later. */
  #indexOf(at: number): number {
    let [low, high] = [0, this.#intervals.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#intervals[middle]?.last ?? Infinity) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
