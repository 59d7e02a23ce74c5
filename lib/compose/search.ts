import { deadline } from "../backoff.ts";
import type { Progress } from "../cli/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import {
  type Device,
  type DeviceIdentity,
  type Endpoint,
  formatEndpoint,
  TransportError,
  type UnitIds,
} from "../core/mod.ts";
import { isAnyUnit } from "../scan/mod.ts";
import { type DeviceAccess, likelyUnitIds, unitIdList, VENDOR_UNIT_IDS } from "./devices.ts";

/** More unit ids than this are a search: most of them are expected to stay silent. */
const FEW = 8;
/** How long a search may take, unless told otherwise. */
export const SEARCH_MS = 60_000;
/** How long to look for the unit id that was meant. */
const HINT_MS = 3000;

/** Addresses tried at once, unless told otherwise: a /24 is through in little more than one wait. */
const TRIED = 256;

/**
 * How many addresses to ask, and how many to try, at the same time.
 *
 * @param given what the command line says
 */
export function sweepWidth(config: Config, unitIds: UnitIds, given?: number) {
  const { maxConcurrency } = settings.discovery;
  const concurrency = given ?? config.get(maxConcurrency);
  const isChosen = given !== undefined || config.originOf(maxConcurrency) !== "default";
  // Whoever is connected waits for the others' searches, and may hang up meanwhile.
  return { concurrency, trying: isChosen || isSearch(unitIds) ? concurrency : TRIED };
}

/** Whether unit ids are named one by one, or searched. */
export function isSearch(unitIds: UnitIds): boolean {
  return unitIds === "auto" || unitIds.length > FEW;
}

/** What a search for unit ids came to. */
export interface SearchResult {
  /** Where a driver knows the device. */
  readonly found: readonly number[];
  /** Unit ids that there was no time for. */
  readonly left: readonly number[];
  /** What the others answered. */
  readonly failures: readonly unknown[];
}

/**
 * Asks unit ids behind one endpoint until the time is over, one try of each request: absent ones
 * cost a gateway's exception, or one wait.
 *
 * @throws {TransportError} the endpoint cannot be connected to, and nothing was found before
 */
export async function searchUnits(
  access: DeviceAccess,
  endpoint: Endpoint,
  unitIds: UnitIds,
  withinMs: number,
  progress: Pick<Progress, "update">,
  signal: AbortSignal,
): Promise<SearchResult> {
  const ids = unitIdList(unitIds);
  const until = performance.now() + withinMs;
  const found: number[] = [];
  const failures: unknown[] = [];
  let first: DeviceIdentity | undefined;
  for (const [i, unitId] of ids.entries()) {
    if (performance.now() >= until) return { found, failures, left: ids.slice(i) };
    try {
      await using device = await access.probe(endpoint, unitId, signal);
      if (device && first) {
        const probe = (unlikely: number) => access.probe(endpoint, unlikely, signal);
        if (await isAnyUnit(first, device.identity, ids, probe)) break;
      }
      if (device) found.push(unitId);
      first ??= device?.identity;
    } catch (error) {
      failures.push(error);
      // Without a connection the other unit ids will not answer either.
      if (!await isConnected(access, endpoint, signal)) {
        if (found.length === 0) throw error;
        break;
      }
    }
    progress.update(i + 1, `${found.length} found`);
  }
  return { found, failures, left: [] };
}

/** That there was no time for some unit ids, and what to do about it. */
export function timeIsOver(endpoint: Endpoint, left: readonly number[]): string {
  return `"${formatEndpoint(endpoint)}": the time for unit ids is over, ${left.length} were not ` +
    `asked, the next is ${left[0]}; give more with --within`;
}

/** Whether an endpoint can be connected to. */
export async function isConnected(
  { sessions }: DeviceAccess,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await sessions.get(endpoint).connect(signal);
    return true;
  } catch {
    return false;
  }
}

/** Where the device is that was looked for at another unit id: looks at the likely ones, not for long. */
export async function whereElse(
  access: DeviceAccess,
  endpoint: Endpoint,
  unitId: number,
): Promise<{ readonly unitId: number; readonly device: Device } | undefined> {
  const ids = new Set([...likelyUnitIds(unitId), ...VENDOR_UNIT_IDS]);
  ids.delete(unitId);
  using limit = deadline(HINT_MS);
  const { signal } = limit;
  for (const id of ids) {
    try {
      const device = await access.probe(endpoint, id, signal);
      if (device) return { unitId: id, device };
    } catch (error) {
      if (signal.aborted) return undefined;
      if (error instanceof TransportError && !await isConnected(access, endpoint, signal)) {
        return undefined;
      }
    }
  }
  return undefined;
}
