import { type Config, settings } from "../config/mod.ts";
import { ConfigError } from "../core/mod.ts";
import { sunspecDefinitions } from "../drivers/mod.ts";
import { certificatesOf } from "./certificates.ts";

/**
 * That there is something to collect by a configuration, here: a definition or certificate that
 * cannot be used is told now, not by each device for ever.
 *
 * @throws {ConfigError}
 */
export async function requireUsable(config: Config): Promise<void> {
  const { get } = config;
  // A shard may find none of the devices to be its own, until there are more.
  const isNamed = get(settings.devices).length > 0 ||
    (get(settings.collect.shard) && config.originOf(settings.devices) !== "default");
  if (!isNamed && get(settings.discovery.subnet).length === 0) {
    throw new ConfigError(
      "There is nothing to collect: name [[devices]] or discovery.subnet in the configuration, as " +
        "made by: sunspool discover ENDPOINT --write-config",
    );
  }
  await sunspecDefinitions(get(settings.sunspec.modelsDir));
  certificatesOf(config);
}
