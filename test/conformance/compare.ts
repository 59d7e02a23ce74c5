import type { Json } from "../../lib/core/mod.ts";
import { isData, type Leaf } from "../../lib/sunspec/mod.ts";
import { DIFFERENCES, type Disagreement, type Right } from "./differences.ts";
import type { Image } from "./images.ts";
import type { OurAnswer } from "./ours.ts";
import type { Exact, ReferenceAnswer } from "./reference.ts";

/** A point of which we say something else than the reference. */
export interface Mismatch {
  readonly point: string;
  /** Which of our forms: `raw`, `scaled`, `delivered`; or `names`, or the reference's `error`. */
  readonly form: string;
  readonly reference: unknown;
  readonly ours: unknown;
}

/** What a comparison found. */
export interface Comparison {
  readonly mismatches: readonly Mismatch[];
  /** Points compared. */
  readonly compared: number;
  /** How often each of {@linkcode DIFFERENCES} was met. */
  readonly met: readonly number[];
}

/** Holds what we make of an image against what the reference makes of it, leaf by leaf. */
export function compare(
  { layout, bytes }: Image,
  reference: ReferenceAnswer,
  ours: OurAnswer,
): Comparison {
  const met = DIFFERENCES.map(() => 0);
  const mismatches: Mismatch[] = [];
  const differ = (point: string, form: string, theirs: unknown, own: unknown) => {
    if (!isSame(theirs, own)) mismatches.push({ point, form, reference: theirs, ours: own });
  };
  const names = Object.keys(reference.leaves);
  const leaves = new Map(layout.leaves.map((leaf) => [leaf.name, leaf]));
  differ("", "error", "", unexpected(reference.error));
  differ("", "names", names, [...ours.raw.keys()]);
  for (const name of names) {
    const leaf = leaves.get(name);
    const [raw, exact] = reference.leaves[name] ?? [null, null];
    if (!leaf) continue;
    const right = rightOf(disagreement(leaf, bytes, ours, raw, exact), met);
    differ(name, "raw", right.raw, ours.raw.get(name));
    differ(name, "scaled", right.exact, exactOf(leaf, ours.scaled.get(name) ?? null));
    const point = ours.points.get(name);
    const own = point && { value: point.value, text: point.text };
    differ(name, "delivered", isData(leaf) ? delivered(leaf, right) : undefined, own);
  }
  return { mismatches, compared: names.length, met };
}

function disagreement(
  leaf: Leaf,
  bytes: Uint8Array,
  ours: OurAnswer,
  raw: Json,
  exact: Exact,
): Disagreement {
  const { offset, scale, isPresent, definition: { typeName, size } } = leaf;
  return {
    typeName,
    registers: isPresent ? bytes.subarray(offset * 2, (offset + size) * 2).toHex() : "",
    factor: typeof scale === "object" ? ours.raw.get(scale.name) : undefined,
    raw,
    exact,
  };
}

/** What the reference complains of, without strings that are not UTF-8 and models cut short. */
function unexpected(error: string): string {
  const expected = /^Error setting value for .*'utf-8'|^Model length \d+ not equal to calculated/;
  return error.split("\n").filter((line) => !expected.test(line)).join("\n");
}

/** What is right: the reference's word, unless it is one of the cases in which it errs. */
function rightOf(point: Disagreement, met: number[]): Right {
  for (const [i, difference] of DIFFERENCES.entries()) {
    const right = difference.right(point);
    if (!right) continue;
    if (!isSame([right.raw, right.exact], [point.raw, point.exact])) met[i] = (met[i] ?? 0) + 1;
    return right;
  }
  return point;
}

/** What a printed value says; numbers beyond 2^53 are printed as text. */
function exactOf({ definition: { type } }: Leaf, value: Json): Exact {
  if (typeof value === "number") return { number: plain(value) };
  if (typeof value === "string") {
    return type.kind === "integer" ? { number: value } : { text: value };
  }
  return Array.isArray(value) ? { symbols: value } : null;
}

/** A point's number and text as the contract has them. */
function delivered({ definition: { type } }: Leaf, { raw, exact }: Right) {
  if (exact === null) return undefined;
  if ("symbols" in exact) return { value: Number(raw), text: exact.symbols.join("|") };
  if ("text" in exact) {
    return { value: type.kind === "enum" ? Number(raw) : null, text: exact.text };
  }
  const value = Number(exact.number);
  const isHeld = plain(value) === exact.number &&
    (type.kind === "float" || Math.abs(value) <= 2 ** 53);
  return { value, text: isHeld ? null : exact.number };
}

/** A number as it prints, without exponent. */
function plain(number: number): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(number)) ?? [];
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + digits.padEnd(point, "0");
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Equal as far as JSON tells: it has no negative zero. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
