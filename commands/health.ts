import { defineCommand } from "../lib/cli/define.ts";
import { ExitCode, print } from "../lib/cli/mod.ts";
import { merge, object } from "../lib/cli/word_groups.ts";
import { ANSWER_MS, askPage, LATE, pageAddress } from "../lib/compose/ask_page.ts";
import { configOf, configOptions, formatOptions } from "../lib/compose/options.ts";
import { pageToken } from "../lib/compose/page_token.ts";
import { ConfigError, type Json, messageOf, RefusedError } from "../lib/core/mod.ts";

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
    const url = pageAddress(config, "/healthz");
    if (url === undefined) {
      throw new ConfigError('Cannot ask metrics.port "0": it is any free one; give it a number');
    }
    const token = pageToken(config);
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

/** What the page says; anything but such a page is a failure. */
async function ask(
  url: string,
  token: string | undefined,
): Promise<{ readonly isOk: boolean; readonly page: Readonly<Record<string, Json>> }> {
  const { status, text } = await askPage(url, token).catch((cause) => {
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

function pageOf(url: string, text: string): Readonly<Record<string, Json>> {
  try {
    const page = Object(JSON.parse(text));
    if (typeof page.status === "string") return page;
  } catch {
    // It is none of ours either.
  }
  throw new Error(`Cannot read "${url}": it is not the page of a collector`);
}
