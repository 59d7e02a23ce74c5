import { errorText, ExitCode, type Io, startProgress, type Table } from "../cli/mod.ts";
import {
  type Endpoint,
  EXPLANATION_COLUMNS,
  formatEndpoint,
  type Json,
  ModbusException,
  type Snapshot,
  TransportError,
  type UnitIds,
} from "../core/mod.ts";
import { printable } from "../printable.ts";
import { passingNames, placeOfDevice } from "./device_names.ts";
import { type DeviceAccess, unitIdList, WrongUnitError } from "./devices.ts";
import { knownAs, type KnownDevice } from "./known_device.ts";
import { isConnected, isSearch, SEARCH_MS, searchUnits, timeIsOver, whereElse } from "./search.ts";

/** Which unit ids, and how long to search for them. */
export interface UnitChoice {
  /** As given. */
  readonly unit: UnitIds;
  /** Milliseconds; undefined = the usual time. */
  readonly within?: number | undefined;
}

/** Whether one document is meant, not an array: whoever names several gets an array of those there. */
export function isOneUnit(unit: UnitIds): boolean {
  return unit === "auto" || unit.length === 1;
}

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
  choice: UnitChoice,
  io: Io,
  job: (device: KnownDevice, signal: AbortSignal) => Promise<Snapshot>,
  report: (snapshots: readonly Snapshot[]) => void,
): Promise<number> {
  const { signal } = new AbortController();
  const snapshots: Snapshot[] = [];
  const failures: unknown[] = [];
  const names = passingNames(io);
  const ids = isSearch(choice.unit)
    ? await search(access, endpoint, choice, io, signal)
    : unitIdList(choice.unit);
  for (const [i, unitId] of ids.entries()) {
    try {
      await using device = await access.openOnce(endpoint, unitId, signal);
      const known = knownAs(device, await names.name(device, placeOfDevice(device)));
      snapshots.push(await job(known, signal));
      for (const warning of device.warnings) {
        io.err(printable(`warning: ${known.identity.id}: ${warning}`) + "\n");
      }
    } catch (error) {
      failures.push(ids.length === 1 ? await explained(error, access, endpoint, unitId) : error);
      // Without a connection the other unit ids will not answer either.
      if (i + 1 < ids.length && !await isConnected(access, endpoint, signal)) break;
    }
  }
  if (snapshots.length === 0) throw failures[0];
  report(snapshots);
  if (failures.length === 0) return ExitCode.done;
  for (const failure of failures) io.err(errorText(failure, false));
  return ExitCode.partly;
}

/** The unit ids at which there is a device. */
async function search(
  access: DeviceAccess,
  endpoint: Endpoint,
  { unit, within = SEARCH_MS }: UnitChoice,
  io: Io,
  signal: AbortSignal,
): Promise<readonly number[]> {
  using progress = startProgress(io, "unit ids asked", unitIdList(unit).length);
  const { found, left, failures } = await searchUnits(
    ...[access, endpoint, unit, within, progress, signal] as const,
  );
  progress[Symbol.dispose]();
  if (left.length > 0) io.err(`${timeIsOver(endpoint, left)}\n`);
  if (found.length > 0) return found;
  throw noneOf(endpoint, unit, failures, left.length);
}

/** Says where the device is, if it is at another unit id. */
async function explained(
  error: unknown,
  access: DeviceAccess,
  endpoint: Endpoint,
  unitId: number,
): Promise<unknown> {
  if (!(error instanceof WrongUnitError)) return error;
  const other = await whereElse(access, endpoint, unitId);
  if (!other) return error;
  const text =
    `${error.message}; found there: --unit ${other.unitId} (${other.device.identity.id})`;
  return new WrongUnitError(text, error.fault, { cause: error });
}

/** No unit id has a device; what a device that was there objects to goes first. */
function noneOf(
  endpoint: Endpoint,
  unitIds: UnitIds,
  failures: readonly unknown[],
  left: number,
): unknown {
  const ids = unitIdList(unitIds);
  const asked = ids.length - left;
  const objection = failures.find((failure) =>
    !(failure instanceof TransportError) &&
    !(failure instanceof ModbusException && failure.isOfGateway)
  );
  if (objection) return objection;
  const where = unitIds === "auto" ? ids.slice(0, asked).join(", ") : `${ids[0]}–${ids[asked - 1]}`;
  return new TransportError(
    `Cannot read "${formatEndpoint(endpoint)}": it can be connected to, but no SunSpec device ` +
      `answers at the unit ids ${where}; try others with --unit, as 1-247`,
    "malformed",
    { cause: failures[0] },
  );
}

/**
 * Snapshots as a table: a row a value.
 *
 * @param hasQuality whether there is a column for it; when left out, if any value needs it
 */
export function snapshotTable(snapshots: readonly Snapshot[], hasQuality?: boolean): Table {
  const isMany = snapshots.length > 1;
  const isShown = hasQuality ?? snapshots.some(({ rows }) => rows.some(({ quality }) => quality));
  const isExplained = snapshots.some(({ rows }) => rows.some(({ explanation }) => explanation));
  const explained = isExplained ? EXPLANATION_COLUMNS : [];
  const rows = snapshots.flatMap(({ document, rows }) =>
    rows.map(({ source, point, value, unit, quality = "", explanation }) => [
      ...(isMany ? [deviceOf(document)] : []),
      ...[source, point, value, unit],
      ...(isShown ? [quality] : []),
      ...explained.map((column) => cellOf(explanation?.[column] ?? null)),
    ])
  );
  const columns = [
    "model",
    "point",
    "value",
    "unit",
    ...(isShown ? ["quality"] : []),
    ...explained,
  ];
  return { columns: isMany ? ["device", ...columns] : columns, rows };
}

function cellOf(value: Json): string {
  return Array.isArray(value) ? value.join(" | ") : String(value ?? "");
}

function deviceOf({ device }: Snapshot["document"]): string {
  return typeof device === "object" && device !== null && "id" in device ? String(device.id) : "";
}
