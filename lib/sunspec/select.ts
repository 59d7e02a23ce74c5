import { NotFoundError, UsageError } from "../core/mod.ts";
import type { ModelDefinition } from "./definition.ts";
import type { Leaf } from "./layout.ts";

/** A model as a selection sees it. */
export interface Selectable {
  /** Its id. */
  readonly id: number;
  /** undefined = nobody has published one. */
  readonly definition: ModelDefinition | undefined;
}

/** Which models, and which of their points. */
export interface Selection {
  /** Whether a model is asked for. */
  isModelWanted(model: Selectable): boolean;
  /** Whether a point of it is. */
  isPointWanted(model: Selectable, leaf: Leaf): boolean;
}

interface Term {
  readonly text: string;
  readonly model: string;
  /** The end of a point's dotted name, group indices as wanted; undefined = all. */
  readonly point: string | undefined;
}

/** Everything. */
export const EVERYTHING: Selection = {
  isModelWanted: () => true,
  isPointWanted: () => true,
};

/**
 * Understands `103`, `inverter_three_phase`, `103.W`, `160.module[0].DCW`, `160.DCW`.
 *
 * @param models what the device has
 * @throws {NotFoundError} when the device has no such model
 * @throws {UsageError} when no such model has such a point
 */
export function parseSelection(terms: readonly string[], models: readonly Selectable[]): Selection {
  if (terms.length === 0) return EVERYTHING;
  const parsed = terms.map((text): Term => {
    const dot = text.indexOf(".");
    return dot < 0
      ? { text, model: text, point: undefined }
      : { text, model: text.slice(0, dot), point: text.slice(dot + 1) };
  });
  for (const term of parsed) check(term, models);
  return {
    isModelWanted: (model) => parsed.some((term) => isModel(term, model)),
    isPointWanted: (model, leaf) =>
      parsed.some((term) => isModel(term, model) && isPoint(term, leaf.name)),
  };
}

function isModel({ model }: Term, { id, definition }: Selectable): boolean {
  return model === String(id) || (definition !== undefined && model === definition.name);
}

function isPoint({ point }: Term, name: string): boolean {
  if (point === undefined) return true;
  const wanted = point.split(".");
  const parts = name.split(".").slice(-wanted.length);
  return parts.length === wanted.length &&
    parts.every((part, i) => part === wanted[i] || part.replace(/\[\d+\]$/, "") === wanted[i]);
}

function check(term: Term, models: readonly Selectable[]): void {
  const found = models.filter((model) => isModel(term, model));
  if (found.length === 0) {
    const has = [...new Set(models.map(({ id }) => id))].join(", ");
    throw new NotFoundError(
      `Cannot read "${term.text}": the device has the models ${has || "(none)"}`,
    );
  }
  if (term.point === undefined) return;
  const names = found.flatMap(({ definition }) => definition ? pointNames(definition.group) : []);
  const wanted = term.point.replaceAll(/\[\d+\]/g, "");
  if (names.some((name) => name === wanted || name.endsWith(`.${wanted}`))) return;
  throw new UsageError(
    `Cannot read "${term.text}": model ${found[0]?.id} has no point "${term.point}", ` +
      `see: sunspool models show ${found[0]?.id}`,
  );
}

function pointNames(group: ModelDefinition["group"], prefix = ""): string[] {
  const own = group.points.map(({ name }) => prefix + name);
  return own.concat(
    group.groups.flatMap((inner) => pointNames(inner, `${prefix}${inner.name}.`)),
  );
}
