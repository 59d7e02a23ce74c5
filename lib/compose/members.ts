import { type Config, type DeviceConfig, isOfShard, settings } from "../config/mod.ts";
import { type Endpoint, formatEndpoint } from "../core/mod.ts";
import type { SessionOptions } from "../modbus/mod.ts";
import { parseTargets } from "../scan/mod.ts";
import { ownSessionOptions, unitIdList } from "./devices.ts";

/** Where one device is, and what the configuration says of it. */
export interface Member {
  readonly endpoint: Endpoint;
  readonly unitId: number;
  /** Its entry; undefined = the search found it. */
  readonly device: DeviceConfig | undefined;
  /** Of the connection to its endpoint, as the first entry says that names it. */
  readonly session: Partial<SessionOptions>;
  /** What is learned of its device hangs on it. */
  readonly memory: object;
}

/** The devices that the configuration names. */
export function membersOf({ get }: Config): readonly Member[] {
  const sessions = new Map<string, Partial<SessionOptions>>();
  return get(settings.devices).flatMap((device) => {
    const { endpoint } = device;
    const name = formatEndpoint(endpoint);
    const session = sessions.get(name) ?? ownSessionOptions(device);
    sessions.set(name, session);
    return device.unitIds.map((unitId) => ({ endpoint, unitId, device, session, memory: {} }));
  });
}

/** `192.0.2.7:502/1` */
export function placeOf({ endpoint, unitId }: Pick<Member, "endpoint" | "unitId">): string {
  return `${formatEndpoint(endpoint)}/${unitId}`;
}

/** Whether two members of one place are polled in the same way. */
export function isSame(a: Member, b: Member): boolean {
  return said(a) === said(b);
}

/** What is said of it alone: its neighbours behind the endpoint are members of their own. */
function said({ device, session }: Member): string {
  return JSON.stringify([device && { ...device, unitIds: [] }, session]);
}

/** Tells whether the search of a configuration would find a device at a place. */
export function searchedBy({ get }: Config): (place: Member) => boolean {
  const { discovery } = settings;
  const subnet = get(discovery.subnet);
  if (subnet.length === 0) return () => false;
  const targets = parseTargets(subnet, [], [get(discovery.port)]);
  const unitIds = unitIdList(get(discovery.unitIds));
  const shard = get(settings.collect.shard);
  let endpoints: ReadonlySet<string> | undefined;
  return ({ endpoint, unitId }) => {
    // Thousands of addresses: only where somebody asks.
    endpoints ??= new Set([...targets.endpoints()].map(formatEndpoint));
    return unitIds.includes(unitId) && isOfShard(shard, endpoint) &&
      endpoints.has(formatEndpoint(endpoint));
  };
}
