import { isLoopback } from "../cidr.ts";
import { allSettings, type Config } from "./config.ts";
import { settings } from "./settings.ts";

/** What will keep commands from working with this configuration here and now; one line each. */
export function obstaclesOf(config: Config): string[] {
  return [...absentFiles(config), ...closedListener(config)];
}

function absentFiles(config: Config): string[] {
  return allSettings.flatMap((setting) => {
    const path = setting.isReadFile ? config.get(setting) : undefined;
    if (typeof path !== "string" || !isAbsent(path)) return [];
    return [`${config.originOf(setting)}: ${setting.key}: there is no file "${path}" here`];
  });
}

/** A file that cannot be looked at may be there: for the user that will read it. */
function isAbsent(path: string): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

/** The token may still come as a credential: systemd gives that to the service alone. */
function closedListener(config: Config): string[] {
  const { address, token, tokenFile } = settings.metrics;
  const hasToken = config.get(token) !== undefined || config.get(tokenFile) !== undefined;
  if (hasToken || isLoopback(config.get(address))) return [];
  return [
    `${
      config.originOf(address)
    }: ${address.key}: without metrics.token_file, SUNSPEC_METRICS_TOKEN ` +
    'or the credential "metrics_token", nothing is served beyond loopback',
  ];
}
