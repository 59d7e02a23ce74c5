import { pause } from "../backoff.ts";
import { type Config, isOfShard, settings } from "../config/mod.ts";
import { type Endpoint, formatEndpoint } from "../core/mod.ts";
import type { Log } from "../log.ts";
import type { Sessions } from "../modbus/mod.ts";
import { parseTargets, sweep } from "../scan/mod.ts";
import { deviceOptions, openDevice, unitIdList } from "./devices.ts";
import { SEARCH_MS, sweepWidth } from "./search.ts";

/** What is searched with, and who is told. */
export interface FleetSearchPorts {
  readonly config: Config;
  /** Endpoints that have one are known already. */
  readonly sessions: Sessions;
  /** Endpoints, known or not, of which some unit ids were left when an earlier search was ended. */
  readonly unfinished: Set<string>;
  readonly log: Log;
  /** A device that a driver knows answers there. */
  found(endpoint: Endpoint, unitId: number): void;
}

/** Searches for devices, if the configuration says so, again and again until the signal aborts. */
export async function searchAgainAndAgain(ports: FleetSearchPorts, signal: AbortSignal) {
  const { config: { get }, log } = ports;
  if (get(settings.discovery.subnet).length === 0) return;
  const everyMs = get(settings.discovery.rescanIntervalS) * 1000;
  do {
    await search(ports, signal).catch((error) => {
      if (!signal.aborted) log("error", "the search failed", { error: String(error) });
    });
  } while (everyMs > 0 && !await pause(everyMs, signal));
}

async function search(ports: FleetSearchPorts, signal: AbortSignal): Promise<void> {
  const { config, sessions, unfinished, log } = ports;
  const { get } = config;
  const { discovery } = settings;
  const subnet = get(discovery.subnet);
  const targets = parseTargets(subnet, [], [get(discovery.port)]);
  const options = deviceOptions(config);
  const shard = get(settings.collect.shard);
  const unknown = [...targets.endpoints()].filter((endpoint) =>
    isOfShard(shard, endpoint) &&
    (!sessions.has(endpoint) || unfinished.has(formatEndpoint(endpoint)))
  );
  unfinished.clear();
  let found = 0;
  const counts = await sweep({
    endpoints: unknown,
    unitIds: unitIdList(get(discovery.unitIds)),
    firstOnly: false,
    ...sweepWidth(config, get(discovery.unitIds)),
    holds: true,
    connectTimeoutMs: get(discovery.perHostTimeoutMs),
    sessions,
    open: (transport, stop) => openDevice(transport, options, stop),
    withinMs: SEARCH_MS,
    onProgress: () => {},
    onLeft: (place, { length: left }) => {
      const endpoint = formatEndpoint(place);
      if (signal.aborted) unfinished.add(endpoint);
      else log("warn", "the search had no time for all unit ids", { endpoint, left });
    },
    onFound: ({ endpoint, unitId, device }) => {
      if (!device || signal.aborted) return;
      found++;
      ports.found(endpoint, unitId);
    },
  }, signal);
  log("info", "searched for devices", { subnet: subnet.join(","), tried: counts.done, found });
}
