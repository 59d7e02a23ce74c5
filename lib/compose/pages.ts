import type { BufferHandle } from "../buffer/mod.ts";
import type { Clock } from "../clock.ts";
import type { Supervisor } from "../collect/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import { messageOf } from "../core/mod.ts";
import { type Health, serveMetrics } from "../http.ts";
import type { HttpListener } from "../http_listener.ts";
import type { Metrics } from "../metrics.ts";
import type { Deliveries } from "./deliveries.ts";
import { pageToken } from "./page_token.ts";
import { hungVital, type Vital } from "./vitals.ts";

/** What the pages of a collector tell of. */
export interface PagesPorts {
  readonly buffer: BufferHandle;
  readonly clock: Pick<Clock, "synced">;
  readonly supervisor: Supervisor;
  readonly metrics: Metrics;
  readonly vitals: readonly Vital[];
  readonly deliveries: Deliveries;
}

/** Serves metrics and health of a collector. */
export function servePages(config: Config, ports: PagesPorts): Promise<HttpListener> {
  const { get } = config;
  const { buffer, clock, supervisor, metrics, vitals, deliveries } = ports;
  const health = (ok: boolean): Promise<Health> =>
    Promise.resolve({
      ok,
      detail: {
        devices: supervisor.states(),
        outputs: Object.fromEntries(
          deliveries.drains.map(({ output, failures, lastError }) => [
            output.name,
            lastError === undefined ? "ok" : { failures, error: messageOf(lastError) },
          ]),
        ),
      },
    });
  return serveMetrics({
    address: get(settings.metrics.address),
    port: get(settings.metrics.port),
    token: pageToken(config),
    metrics: async (accept) => {
      metrics.buffer(await buffer.stats(), Date.now());
      metrics.collector(buffer.collector);
      metrics.clockSynced(clock.synced);
      const failures = deliveries.drains.map(({ output, failures }) => [output.name, failures]);
      metrics.outputs(Object.fromEntries(failures));
      return await metrics.render(accept);
    },
    healthy: () => health(hungVital(vitals) === undefined),
    ready: () => {
      const { polling, asleep } = supervisor.states();
      return health(polling + asleep > 0);
    },
  });
}
