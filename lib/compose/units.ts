import { errorText, ExitCode, type Io, type Table } from "../cli/mod.ts";
import {
  type Device,
  type Endpoint,
  formatEndpoint,
  type Snapshot,
  TransportError,
  type UnitIds,
} from "../core/mod.ts";
import { type DeviceAccess, unitIdList } from "./devices.ts";

/**
 * Does something with the device behind each unit id of an endpoint, and prints what came of it.
 * One that fails does not stop the others.
 *
 * @returns the exit code
 * @throws the failure, when no unit id gave anything
 */
export async function forEachUnit(
  access: DeviceAccess,
  endpoint: Endpoint,
  unitIds: UnitIds,
  io: Io,
  job: (device: Device, signal: AbortSignal) => Promise<Snapshot>,
  report: (snapshots: readonly Snapshot[]) => void,
): Promise<number> {
  const { signal } = new AbortController();
  const snapshots: Snapshot[] = [];
  const failures: unknown[] = [];
  const ids = unitIdList(unitIds);
  for (const [i, unitId] of ids.entries()) {
    try {
      await using device = await access.open(endpoint, unitId, signal);
      snapshots.push(await job(device, signal));
    } catch (error) {
      failures.push(error);
      // Without a connection the other unit ids will not answer either.
      if (i + 1 < ids.length && !await isConnected(access, endpoint, signal)) break;
    }
  }
  if (snapshots.length === 0) {
    const isNone = unitIds === "auto" && failures.length === ids.length;
    throw isNone ? noneOf(endpoint, failures) : failures[0];
  }
  report(snapshots);
  // With auto most unit ids are expected to stay silent.
  if (unitIds === "auto" || failures.length === 0) return ExitCode.done;
  for (const failure of failures) io.err(errorText(failure, false));
  return ExitCode.partly;
}

async function isConnected(
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

/** None of the usual unit ids has a device; what a device that was there objects to goes first. */
function noneOf(endpoint: Endpoint, failures: readonly unknown[]): unknown {
  const objection = failures.find((failure) => !(failure instanceof TransportError));
  return objection ?? new TransportError(
    `Cannot read "${formatEndpoint(endpoint)}": it can be connected to, but no SunSpec device ` +
      `answers at the unit ids ${unitIdList("auto").join(", ")}; try others with --unit, as 4-10`,
    "malformed",
    { cause: failures[0] },
  );
}

/** Snapshots as a table: a row a value. */
export function snapshotTable(snapshots: readonly Snapshot[]): Table {
  const isMany = snapshots.length > 1;
  const columns = ["model", "point", "value", "unit"];
  const rows = snapshots.flatMap(({ document, rows }) =>
    rows.map(({ source, point, value, unit }) => [
      ...(isMany ? [deviceOf(document)] : []),
      source,
      point,
      value,
      unit,
    ])
  );
  return { columns: isMany ? ["device", ...columns] : columns, rows };
}

function deviceOf({ device }: Snapshot["document"]): string {
  return typeof device === "object" && device !== null && "id" in device ? String(device.id) : "";
}
