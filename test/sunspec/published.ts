import { publishedModels } from "../../models/sunspec/mod.ts";
import { type ModelDefinition, parseDefinition } from "../../lib/sunspec/mod.ts";

/** The definition of a published model. */
export async function published(id: number): Promise<ModelDefinition> {
  const model = publishedModels.get(id);
  if (!model) throw new Error(`There is no model ${id}`);
  return parseDefinition((await model.load()).default, `model ${id}`);
}

/** The definitions of all published models. */
export function allPublished(): Promise<ModelDefinition[]> {
  return Promise.all([...publishedModels.keys()].map(published));
}
