import { sunspecDefinitions } from "../drivers/mod.ts";
import type { GroupDefinition } from "../sunspec/mod.ts";

/**
 * Models and points whose names begin with what is typed: `103`, `inverter_three_phase`, `103.W`.
 * Points are offered once the model and its dot are there.
 */
export async function modelWords(typed: string): Promise<readonly string[]> {
  const definitions = await sunspecDefinitions(undefined);
  const [, model] = /^([^.]+)\./.exec(typed) ?? [];
  if (model === undefined) {
    return definitions.list().flatMap(({ id, name }) => [String(id), name]);
  }
  const found = definitions.list().find(({ id, name }) => String(id) === model || name === model);
  const definition = found && await definitions.get(found.id);
  return definition ? pointNames(definition.group).map((name) => `${model}.${name}`) : [];
}

function pointNames(group: GroupDefinition): string[] {
  return [
    ...group.points.filter(({ type }) => type.kind !== "pad").map(({ name }) => name),
    ...group.groups.flatMap(pointNames),
  ];
}
