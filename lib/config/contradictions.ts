import { outputs } from "../outputs/mod.ts";
import { allSettings, type Config } from "./config.ts";
import { settings } from "./settings.ts";
import { sectionsOf } from "./suggest.ts";

/**
 * Values that are each right, but not together.
 *
 * @param isWrong tells keys of which something is said already
 */
export function contradictions(config: Config, isWrong: (key: string) => boolean): string[] {
  const names = config.get(settings.collect.outputs);
  const known = outputs.map(({ name }) => name);
  const origin = config.originOf(settings.collect.outputs);
  const unknown = names.filter((name) => !known.includes(name)).map((name) =>
    `${origin}: collect.outputs: there is no output "${name}", only ${known.join(", ")}`
  );
  const chosen = config.outputs();
  const faults = outputs.flatMap((output) =>
    output.check(config.get).filter(({ key }) => {
      // Nobody misses a key of an output that is not used.
      return !isWrong(key) && (chosen.includes(output) || isGiven(config, key));
    })
  );
  return [
    ...unknown,
    ...faults.map(({ key, text }) => `${originNear(config, key)}${key}: ${text}`),
  ];
}

function isGiven(config: Config, key: string): boolean {
  return allSettings.some((setting) =>
    setting.key === key && config.originOf(setting) !== "default"
  );
}

/** Where a key is given, or where its neighbour is that makes it necessary. */
function originNear(config: Config, key: string): string {
  const given = allSettings.filter((setting) => isGiven(config, setting.key));
  const near = given.find((setting) => setting.key === key) ??
    sectionsOf(key).flatMap((section) =>
      given.find((setting) => setting.key.startsWith(`${section}.`)) ?? []
    )[0] ??
    given.find((setting) => setting.key === settings.collect.outputs.key);
  return near ? `${config.originOf(near)}: ` : "";
}
