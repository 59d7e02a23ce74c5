import { type Config, settings } from "../config/mod.ts";
import { readSecret } from "../secret.ts";

/**
 * What lets readers of the pages in; undefined = they need nothing.
 *
 * @throws {ConfigError} its file cannot be read
 */
export function pageToken({ get }: Config): string | undefined {
  const { token, tokenFile } = settings.metrics;
  return readSecret({ value: get(token), file: get(tokenFile), credential: "metrics_token" });
}
