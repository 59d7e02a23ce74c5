import { Chance } from "../modbus/chance.ts";
import { allPublished } from "../sunspec/published.ts";
import { compare, type Mismatch } from "./compare.ts";
import { DIFFERENCES } from "./differences.ts";
import { anyImage, type Image } from "./images.ts";
import { decodeByUs, type OurAnswer } from "./ours.ts";
import { Reference } from "./reference.ts";

/** A model that is laid out wrongly mismatches everywhere. */
const SHOWN_MISMATCHES = 10;

/** What a run is to do. */
export interface ConformanceOptions {
  /** The interpreter that has pysunspec2. */
  readonly python: string;
  /** The same seed gives the same images. */
  readonly seed: number;
  /** Images of each model. */
  readonly rounds: number;
}

/** A model that we and the reference do not read alike. */
export interface Failure {
  readonly id: number;
  /** Its registers, hexadecimal. */
  readonly image: string;
  readonly mismatches: readonly Mismatch[];
}

/** What a run found. */
export interface ConformanceResult {
  readonly models: number;
  readonly images: number;
  /** Points compared, in each form. */
  readonly points: number;
  /** How often each of {@linkcode DIFFERENCES} was met. */
  readonly met: readonly number[];
  /** The first failure of each model. */
  readonly failures: ReadonlyMap<number, Failure>;
}

/** Decodes random images of every published model by both and compares them. */
export async function runConformance(options: ConformanceOptions): Promise<ConformanceResult> {
  const chance = new Chance(options.seed);
  const models = await allPublished();
  await using reference = new Reference(options.python);
  const failures = new Map<number, Failure>();
  const met = DIFFERENCES.map(() => 0);
  let points = 0;
  for (let round = 0; round < options.rounds; round++) {
    const images = models.map((model) => anyImage(model, chance));
    const [theirs, ours] = await Promise.all([
      reference.decode(images.map(({ bytes }) => bytes)),
      decodeAll(images),
    ]);
    for (const [i, image] of images.entries()) {
      const [own, answer] = [ours[i], theirs[i]];
      if (!own || !answer) throw new Error(`Cannot compare image ${i}: an answer is missing`);
      const comparison = compare(image, answer, own);
      points += comparison.compared;
      comparison.met.forEach((count, i) => met[i] = (met[i] ?? 0) + count);
      const { mismatches } = comparison;
      const { id } = image.layout.model;
      if (mismatches.length > 0 && !failures.has(id)) {
        failures.set(id, { id, image: image.bytes.toHex(), mismatches });
      }
    }
  }
  return { models: models.length, images: models.length * options.rounds, points, met, failures };
}

async function decodeAll(images: readonly Image[]): Promise<readonly OurAnswer[]> {
  const answers = [];
  for (const { bytes } of images) answers.push(await decodeByUs(bytes));
  return answers;
}

/** What a run found, one line a fact; the last is `models N ok N`. */
export function report(result: ConformanceResult): string[] {
  const { models, images, points, met, failures } = result;
  const lines = [`images ${images}, points ${points}`];
  for (const [i, { what, section }] of DIFFERENCES.entries()) {
    lines.push(`${String(met[i]).padStart(8)} × the reference errs: ${what} (${section})`);
  }
  for (const { id, image, mismatches } of failures.values()) {
    lines.push(`model ${id} image ${image}`);
    for (const { point, form, reference, ours } of mismatches.slice(0, SHOWN_MISMATCHES)) {
      const [theirs, own] = [reference, ours].map((value) => JSON.stringify(value) ?? "nothing");
      lines.push(`  ${form} ${id}.${point}: the reference says ${theirs}, we say ${own}`);
    }
  }
  return [...lines, `models ${models} ok ${models - failures.size}`];
}
