import { allSettings, type Config } from "./config.ts";
import { suggestionAmong } from "./suggest.ts";

/** What a configuration may say, but whoever wrote it should know; one line each. */
export function warningsOf(config: Config): string[] {
  const ofOutputs = config.outputs().flatMap((output) =>
    output.warnings(config.get).map(({ key, text }) => {
      const setting = allSettings.find((setting) => setting.key === key);
      return `${setting ? `${config.originOf(setting)}: ` : ""}${key}: ${text}`;
    })
  );
  const variables = allSettings.map(({ env }) => env);
  const unknown = config.unknownVariables.map((name) =>
    `${name}: no setting has this variable${suggestionAmong(name, variables)}`
  );
  return [...ofOutputs, ...unknown];
}
