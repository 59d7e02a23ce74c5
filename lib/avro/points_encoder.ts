import type { Point } from "../core/mod.ts";
import type { Places } from "./places.ts";
import { Writer } from "./writer.ts";

/** What devices of a dozen kinds say, in all their states; beyond it everything is forgotten. */
const MOST_KNOWN_BYTES = 64 * 1024;

/** A point as it was encoded before, with whatever number. */
interface KnownPoint extends Omit<Point, "value"> {
  readonly hasValue: boolean;
  /** Where among the known bytes it begins, where its number stands, where it ends. */
  readonly from: number;
  readonly numberAt: number;
  readonly to: number;
  /** The one behind it. */
  next: KnownPoint | undefined;
}

/**
 * Encodes the points of readings. Most differ in nothing but their numbers from points encoded
 * before: those are copied, with their numbers filled in, as many at once as follow one another.
 */
export class PointsEncoder {
  readonly #writer: Writer;
  readonly #numbers: Places;
  /** Points that are known, one behind the other. */
  readonly #known = new Writer();
  #last: KnownPoint | undefined;
  /** By name, then by text: the latest. */
  readonly #byName = new Map<string, Map<string | null, KnownPoint>>();
  readonly #string = (value: string): void => this.#known.string(value);

  /** Writes to `writer`, and to `numbers` where in it the numbers stand. */
  constructor(writer: Writer, numbers: Places) {
    this.#writer = writer;
    this.#numbers = numbers;
  }

  /** One block of all of them, then one of none. */
  encode(points: readonly Point[]): void {
    if (points.length > 0) this.#writer.long(points.length);
    for (let done = 0; done < points.length;) done = this.#copy(points, done);
    this.#writer.long(0);
  }

  /** Copies the points from `start` on that follow one another among the known ones as well. */
  #copy(points: readonly Point[], start: number): number {
    let [next, point] = [start, points[start]];
    const first = point && this.#like(point);
    if (!first) return points.length;
    let last = first;
    const moved = this.#writer.at - first.from;
    for (let known: KnownPoint | undefined = first; known && point; known = known.next) {
      if (!isLike(known, point)) break;
      last = known;
      if (point.value !== null) {
        this.#known.doubleAt(known.numberAt, point.value);
        this.#numbers.add(known.numberAt + moved);
      }
      point = points[++next];
    }
    this.#writer.part(this.#known, first.from, last.to);
    return next;
  }

  /** The known point that is like one; it becomes known if it is not. */
  #like(point: Point): KnownPoint {
    const known = this.#byName.get(point.name)?.get(point.text);
    return known && isLike(known, point) ? known : this.#learn(point);
  }

  #learn(point: Point): KnownPoint {
    if (this.#known.at > MOST_KNOWN_BYTES) this.#forget();
    const known = this.#encode(point);
    if (this.#last) this.#last.next = known;
    this.#last = known;
    const byText = this.#byName.get(point.name) ?? new Map<string | null, KnownPoint>();
    this.#byName.set(point.name, byText.set(point.text, known));
    return known;
  }

  #forget(): void {
    this.#known.begin();
    this.#last = undefined;
    this.#byName.clear();
  }

  #encode({ name, value, text, unit, quality }: Point): KnownPoint {
    const known = this.#known;
    const from = known.at;
    const hasValue = value !== null;
    known.string(name);
    known.present(hasValue);
    const numberAt = known.at;
    if (hasValue) known.double(value);
    known.optional(text, this.#string);
    known.optional(unit, this.#string);
    known.optional(quality, this.#string);
    const to = known.at;
    return { name, text, unit, quality, hasValue, from, numberAt, to, next: undefined };
  }
}

/** Whether a point differs from a known one in its number at most. */
function isLike(known: KnownPoint, { name, value, text, unit, quality }: Point): boolean {
  return known.name === name && known.text === text && known.unit === unit &&
    known.quality === quality && known.hasValue === (value !== null);
}
