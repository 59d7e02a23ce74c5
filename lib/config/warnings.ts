import { allSettings, type Config } from "./config.ts";
import { settings } from "./settings.ts";
import { formatShard } from "./shard.ts";
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
  return [...ofOutputs, ...emptyShard(config), ...unknown];
}

/** Of few devices, chance may leave nothing to one of many shards. */
function emptyShard(config: Config): string[] {
  const shard = config.get(settings.collect.shard);
  const isIdle = config.get(settings.devices).length === 0 &&
    config.get(settings.discovery.subnet).length === 0;
  if (!shard || !isIdle) return [];
  return [
    `${config.originOf(settings.collect.shard)}: collect.shard: none of the devices is polled by ` +
    `shard ${formatShard(shard)}: use fewer shards`,
  ];
}
