import { get } from "node:http";
import { merge, object } from "@optique/core/constructs";
import { defineCommand } from "../lib/cli/define.ts";
import { ExitCode, print } from "../lib/cli/mod.ts";
import { configOf, configOptions, formatOptions } from "../lib/compose/options.ts";
import { type Config, settings } from "../lib/config/mod.ts";
import { ConfigError, type Json, messageOf, RefusedError } from "../lib/core/mod.ts";
import { readSecret } from "../lib/secret.ts";

/** Shorter than a container's health check may take (30 s by default). */
const ANSWER_MS = 5000;
const LATE = "late";

/** Addresses that mean all of this machine's, and the one to ask there. */
const ANY_ADDRESS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** `sunspool health`. */
export const command = defineCommand({
  name: "health",
  summary: "Ask the collector that runs here whether it is well",
  description:
    "Asks /healthz where the configuration has it served on this machine, with the token where one is " +
    "needed, and prints the answer. Exit code 0 says well, 1 that it does not run, does not answer " +
    "within 5 s, or that a delivery hangs. A device or a broker that is down is no fault of the " +
    "collector. For health checks of containers, and watchers that call programs.",
  examples: [
    ["sunspool health", "with the configuration of the service"],
    ["sunspool health --json > /dev/null || systemctl restart sunspool", "for scripts"],
  ],
  needs: { net: "always", read: "start" },
  parser: merge(object({ format: formatOptions }), configOptions),
  async run({ format, ...flags }, io) {
    const config = configOf(flags, io);
    const url = healthUrl(config);
    const token = readSecret({
      value: config.get(settings.metrics.token),
      file: config.get(settings.metrics.tokenFile),
      credential: "metrics_token",
    });
    io.giveUp(["read"]);
    const { isOk, page } = await ask(url, token);
    const rows = Object.entries(page).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    print(io, format, {
      documents: [page],
      table: { columns: ["figure", "value"], rows },
      isSingle: true,
    });
    return isOk ? ExitCode.done : ExitCode.failed;
  },
});

function healthUrl(config: Config): string {
  const port = config.get(settings.metrics.port);
  if (port === 0) {
    throw new ConfigError('Cannot ask metrics.port "0": it is any free one; give it a number');
  }
  const address = config.get(settings.metrics.address);
  const host = ANY_ADDRESS[address] ?? address;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/healthz`;
}

/** What the page says; anything but such a page is a failure. */
async function ask(
  url: string,
  token: string | undefined,
): Promise<{ readonly isOk: boolean; readonly page: Readonly<Record<string, Json>> }> {
  const { status, text } = await fetchPlainly(url, token).catch((cause) => {
    const isLate = messageOf(cause) === LATE;
    const why = isLate ? `no answer within ${ANSWER_MS} ms` : "nobody answers";
    throw new Error(`Cannot ask "${url}": ${why}; is the collector running?`, { cause });
  });
  if (status === 401) {
    throw new RefusedError(
      `Cannot ask "${url}": it wants another token; set metrics.token_file as the collector has it`,
    );
  }
  const isOk = status === 200;
  if (isOk || status === 503) return { isOk, page: pageOf(url, text) };
  throw new Error(`Cannot ask "${url}": it answers ${status}, as no collector does`);
}

/** Without what `fetch` does besides: no proxy is asked for this machine, no redirection followed. */
function fetchPlainly(
  url: string,
  token: string | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const timer = setTimeout(() => request.destroy(new Error(LATE)), ANSWER_MS);
  const request = get(url, { headers }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part) => text += part);
    response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    response.on("error", reject);
  });
  request.on("error", reject);
  return promise.finally(() => clearTimeout(timer));
}

function pageOf(url: string, text: string): Readonly<Record<string, Json>> {
  try {
    const page = Object(JSON.parse(text));
    if (typeof page.status === "string") return page;
  } catch {
    // It is none of ours either.
  }
  throw new Error(`Cannot read "${url}": it is not the page of a collector`);
}
