import { type Config, settings } from "../config/mod.ts";
import {
  type Device,
  type DeviceOptions,
  type Endpoint,
  ModbusException,
  type Transport,
  TransportError,
  type UnitIds,
} from "../core/mod.ts";
import { drivers } from "../drivers/mod.ts";
import { type SessionOptions, Sessions } from "../modbus/mod.ts";
import { BASE_ADDRESSES } from "../sunspec/mod.ts";

/** Unit ids that vendors use, for `--unit auto`: SMA 126, Kostal 71, Fronius meters 200–204 and 240–244. */
export const VENDOR_UNIT_IDS: readonly number[] = [
  ...[1, 2, 3, 126, 71, 100],
  ...[200, 201, 202, 203, 204, 240, 241, 242, 243, 244],
];

/** The unit ids to ask. */
export function unitIdList(ids: UnitIds): readonly number[] {
  return ids === "auto" ? VENDOR_UNIT_IDS : ids;
}

/** How sessions are to be kept, by the configuration. */
export function sessionOptions({ get }: Config): SessionOptions {
  const { modbus, poller } = settings;
  const requestTimeoutMs = get(modbus.timeoutMs) ?? get(poller.requestTimeoutMs);
  return {
    connectTimeoutMs: Math.max(requestTimeoutMs, get(settings.discovery.perHostTimeoutMs)),
    requestTimeoutMs,
    retryCount: get(modbus.retryCount),
    retryBackoffMs: get(modbus.retryBackoffMs),
    retryMaxBackoffMs: get(modbus.retryMaxBackoffMs),
    interReadDelayMs: get(modbus.interReadDelayMs),
    session: get(modbus.session),
    random: Math.random,
  };
}

/** How devices are to be opened, by the configuration. */
export function deviceOptions({ get }: Config): DeviceOptions {
  return {
    baseAddress: get(settings.sunspec.baseAddress),
    maxRegisters: get(settings.modbus.maxBatchSize),
    readAhead: get(settings.sunspec.discoveryRegisterCount),
    models: undefined,
    modelsDir: get(settings.sunspec.modelsDir),
    registers: get(settings.avro.registers),
  };
}

/** Opens the sessions and devices of one command. */
export class DeviceAccess implements Disposable {
  /** How devices are opened. */
  readonly options: DeviceOptions;
  /** The connections in use. */
  readonly sessions: Sessions;

  /** Takes timeouts, retries and limits from the configuration. */
  constructor(config: Config) {
    this.options = deviceOptions(config);
    this.sessions = new Sessions(sessionOptions(config));
  }

  /**
   * Opens the device behind one unit id.
   *
   * @throws {TransportError} nothing answers, or nothing that a driver knows
   */
  open(endpoint: Endpoint, unitId: number, signal: AbortSignal): Promise<Device> {
    return requireDevice(this.sessions.get(endpoint).unit(unitId), this.options, signal);
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    this.sessions[Symbol.dispose]();
  }
}

/**
 * Asks each driver in turn; undefined when the device answers but none knows it.
 *
 * @throws {TransportError} nothing answers
 */
export async function openDevice(
  transport: Transport,
  options: DeviceOptions,
  signal: AbortSignal,
): Promise<Device | undefined> {
  for (const driver of drivers) {
    const device = await driver.open(transport, options, signal);
    if (device) return device;
  }
  return undefined;
}

/**
 * Opens a device that has to be there.
 *
 * @throws {TransportError} nothing answers, or nothing that a driver knows
 */
export async function requireDevice(
  transport: Transport,
  options: DeviceOptions,
  signal: AbortSignal,
): Promise<Device> {
  const { endpoint, unitId } = transport;
  const device = await openDevice(transport, options, signal).catch((cause) => {
    throw absentUnit(cause, transport) ?? cause;
  });
  if (device) return device;
  const at = options.baseAddress ?? BASE_ADDRESSES.join(", ");
  throw new TransportError(
    `Cannot read "${endpoint}" unit ${unitId}: it answers Modbus, but has no SunSpec map at ${at}; ` +
      `try --unit auto, 126, ${Math.min(unitId + 123, 247)} or 71`,
    "malformed",
  );
}

/** A gateway answers for units that are not there. */
function absentUnit(cause: unknown, { endpoint, unitId }: Transport): TransportError | undefined {
  if (!(cause instanceof ModbusException) || (cause.code !== 10 && cause.code !== 11)) {
    return undefined;
  }
  return new TransportError(
    `Cannot read "${endpoint}" unit ${unitId}: the gateway says that no device answers there ` +
      `(exception ${cause.code}); try another --unit, or --unit auto`,
    "timeout",
    { cause },
  );
}
