import { defineCommand } from "../lib/cli/define.ts";
import { object } from "../lib/cli/word_groups.ts";
import { configOf, configOptions } from "../lib/compose/options.ts";
import { pageToken } from "../lib/compose/page_token.ts";
import { openBuffer } from "../lib/compose/buffer.ts";
import { logOf } from "../lib/compose/log.ts";
import { stopSignals } from "../lib/signals.ts";
import { settings } from "../lib/config/mod.ts";
import { serveMetrics } from "../lib/http.ts";
import { Metrics } from "../lib/metrics.ts";
import { VERSION } from "../lib/version.ts";

/** `sunspool serve-metrics`. */
export const command = defineCommand({
  name: "serve-metrics",
  summary: "Serve metrics and health of a buffer",
  description:
    "Serves /metrics, /healthz and /readyz over the buffer file, for setups of poll --buffer and drain. " +
    "collect serves the same pages itself, with its devices in them.",
  examples: [[
    "sunspool serve-metrics --config sunspool.toml",
    "then: curl 127.0.0.1:9090/metrics",
  ]],
  needs: { net: "always", read: "always", write: "always", sys: "always" },
  parser: object({ config: configOptions }),
  async run({ config: flags }, io) {
    const { first } = stopSignals();
    const config = configOf(flags, io);
    await using buffer = openBuffer(config, "maintain");
    const metrics = new Metrics({ version: VERSION, deno: Deno.version.deno });
    metrics.collector(buffer.collector);
    const healthy = async () => {
      const { rows, backlog, deadLetters } = await buffer.stats();
      return { ok: true, detail: { rows, backlog, dead_letters: deadLetters } };
    };
    await using server = await serveMetrics({
      address: config.get(settings.metrics.address),
      port: config.get(settings.metrics.port),
      token: pageToken(config),
      metrics: async (accept) => {
        metrics.buffer(await buffer.stats(), Date.now());
        return await metrics.render(accept);
      },
      healthy,
      ready: healthy,
    });
    logOf(config)("info", "metrics are served", { address: `${server.address}:${server.port}` });
    await first;
  },
});
