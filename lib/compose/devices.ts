import { type Config, type DeviceConfig, settings } from "../config/mod.ts";
import {
  type Device,
  type DeviceOptions,
  type Endpoint,
  ModbusException,
  ProtocolError,
  type Transport,
  TransportError,
  type UnitIds,
} from "../core/mod.ts";
import { drivers } from "../drivers/mod.ts";
import { type SessionOptions, Sessions } from "../modbus/mod.ts";
import { BASE_ADDRESSES } from "../sunspec/mod.ts";
import { certificatesOf } from "./certificates.ts";
import { recorderOf } from "./recorder.ts";

/**
 * Unit ids that vendors use, the likely ones first, for `--unit auto`: SMA 126 or the id on the
 * display plus 123, Kostal 71, Fronius meters 200–204 and 240–244.
 */
export const VENDOR_UNIT_IDS: readonly number[] = [
  ...[1, 126, 71, 2, 3, 200, 240, 100, 124, 125, 127, 128],
  ...[201, 202, 203, 204, 241, 242, 243, 244],
  ...[4, 5, 6, 7, 8, 9, 10],
];

/** The unit ids to ask. */
export function unitIdList(ids: UnitIds): readonly number[] {
  return ids === "auto" ? VENDOR_UNIT_IDS : ids;
}

/**
 * How sessions are to be kept, by the configuration.
 *
 * @throws {ConfigError} when a certificate cannot be used, or nothing be recorded
 */
export function sessionOptions(config: Config): SessionOptions {
  const { get } = config;
  const { modbus, poller } = settings;
  const requestTimeoutMs = get(modbus.timeoutMs) ?? get(poller.requestTimeoutMs);
  return {
    connectTimeoutMs: Math.max(requestTimeoutMs, get(settings.discovery.perHostTimeoutMs)),
    requestTimeoutMs,
    retryCount: get(modbus.retryCount),
    retryBackoffMs: get(modbus.retryBackoffMs),
    retryMaxBackoffMs: get(modbus.retryMaxBackoffMs),
    connectDelayMs: get(modbus.connectDelayMs),
    interReadDelayMs: get(modbus.interReadDelayMs),
    session: get(modbus.session),
    random: Math.random,
    tls: certificatesOf(config),
    recorder: recorderOf(config),
  };
}

/** What an entry of the configuration says of the session to its endpoint. */
export function ownSessionOptions(device: DeviceConfig | undefined): Partial<SessionOptions> {
  const { timeoutMs, session, connectDelayMs, interReadDelayMs } = device ?? {};
  return {
    ...(timeoutMs === undefined
      ? {}
      : { requestTimeoutMs: timeoutMs, connectTimeoutMs: timeoutMs }),
    ...(session === undefined ? {} : { session }),
    ...(connectDelayMs === undefined ? {} : { connectDelayMs }),
    ...(interReadDelayMs === undefined ? {} : { interReadDelayMs }),
  };
}

/**
 * How devices are to be opened, by the configuration, and by what its entry says of one.
 *
 * @param memory stands for the place: what is learned of its device hangs on it
 */
export function deviceOptions(
  { get }: Config,
  device?: DeviceConfig,
  memory?: object,
): DeviceOptions {
  return {
    baseAddress: device?.baseAddress ?? get(settings.sunspec.baseAddress),
    maxRegisters: device?.maxRegisters ?? get(settings.modbus.maxBatchSize),
    readAhead: get(settings.sunspec.discoveryRegisterCount),
    models: device?.models,
    modelsDir: get(settings.sunspec.modelsDir),
    registers: get(settings.avro.registers),
    memory,
  };
}

/** Something answers at the endpoint, but at this unit id there is no device that a driver knows. */
export class WrongUnitError extends TransportError {
  static {
    this.prototype.name = "WrongUnitError";
  }
}

/** A device answers at this unit id, but only that it has no time. */
export class BusyDeviceError extends ModbusException {
  static {
    this.prototype.name = "BusyDeviceError";
  }

  /** @param cause the last that it said */
  constructor({ endpoint, unitId }: Transport, cause: ModbusException) {
    super(cause.code, "all that it was asked for");
    this.message = `Cannot read "${endpoint}" unit ${unitId}: it answers that it is busy ` +
      `(exception ${cause.code}); try again later: another client may be asking it`;
    this.cause = cause;
  }
}

/** Opens the sessions and devices of one command. */
export class DeviceAccess implements Disposable {
  /** How devices are opened. */
  readonly options: DeviceOptions;
  /** The connections in use. */
  readonly sessions: Sessions;
  readonly #config: Config;
  /** By place. */
  readonly #memories = new Map<string, object>();

  /** Takes timeouts, retries and limits from the configuration. */
  constructor(config: Config) {
    this.options = deviceOptions(config);
    this.sessions = new Sessions(sessionOptions(config));
    this.#config = config;
  }

  /**
   * Opens the device behind one unit id.
   *
   * @param device the entry of the configuration that names it, if one does
   * @throws {TransportError} nothing answers, or nothing that a driver knows
   */
  open(
    endpoint: Endpoint,
    unitId: number,
    signal: AbortSignal,
    device?: DeviceConfig,
  ): Promise<Device> {
    const transport = this.sessions.get(endpoint, ownSessionOptions(device)).unit(unitId);
    return requireDevice(transport, this.#optionsOf(transport, device), signal);
  }

  /**
   * Opens the device behind one unit id for who reads it once, and does not come again.
   *
   * @throws {TransportError} nothing answers, or nothing that a driver knows
   */
  openOnce(endpoint: Endpoint, unitId: number, signal: AbortSignal): Promise<Device> {
    const transport = this.sessions.get(endpoint).unit(unitId, { isReadOnce: true });
    return requireDevice(transport, this.#optionsOf(transport), signal);
  }

  /**
   * Looks whether a device that a driver knows is behind a unit id: one try of each request.
   *
   * @throws {TransportError} nothing answers
   */
  probe(endpoint: Endpoint, unitId: number, signal: AbortSignal): Promise<Device | undefined> {
    const transport = this.sessions.get(endpoint).unit(unitId, { retryCount: 0 });
    return openDevice(transport, this.#optionsOf(transport), signal);
  }

  /** What is known of a place is kept from one opening to the next. */
  #optionsOf({ endpoint, unitId }: Transport, device?: DeviceConfig): DeviceOptions {
    const place = `${endpoint}/${unitId}`;
    const memory = this.#memories.get(place) ?? {};
    this.#memories.set(place, memory);
    return deviceOptions(this.#config, device, memory);
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
 * @throws {BusyDeviceError}
 */
export async function openDevice(
  transport: Transport,
  options: DeviceOptions,
  signal: AbortSignal,
): Promise<Device | undefined> {
  for (const driver of drivers) {
    const device = await driver.open(transport, options, signal).catch((cause) => {
      throw busyDevice(cause, transport) ?? cause;
    });
    if (device) return device;
  }
  return undefined;
}

/**
 * Opens a device that has to be there.
 *
 * @throws {TransportError} nothing answers, or nothing that a driver knows
 * @throws {BusyDeviceError}
 */
export async function requireDevice(
  transport: Transport,
  options: DeviceOptions,
  signal: AbortSignal,
): Promise<Device> {
  const { endpoint, unitId } = transport;
  const device = await openDevice(transport, options, signal).catch((cause) => {
    throw absentUnit(cause, transport) ?? foreignHost(cause) ?? cause;
  });
  if (device) return device;
  const at = options.baseAddress ?? BASE_ADDRESSES.join(", ");
  throw new WrongUnitError(
    `Cannot read "${endpoint}" unit ${unitId}: it answers Modbus, but has no SunSpec map at ${at}; ` +
      `try --unit ${otherUnitIds(unitId)}`,
    "malformed",
  );
}

/** Where the map of such a device often is: 126, the id on its display plus 123 (SMA), 71 (Kostal). */
export function likelyUnitIds(unitId: number): readonly number[] {
  return [126, unitId + 123, 71].filter((id, i, all) =>
    id !== unitId && id <= 247 && all.indexOf(id) === i
  );
}

function otherUnitIds(unitId: number): string {
  const ids = likelyUnitIds(unitId);
  return `${["auto", ...ids.slice(0, -1)].join(", ")} or ${ids.at(-1)}`;
}

/** A gateway answers for units that are not there. */
function absentUnit(cause: unknown, { endpoint, unitId }: Transport): WrongUnitError | undefined {
  if (!(cause instanceof ModbusException) || (cause.code !== 10 && cause.code !== 11)) {
    return undefined;
  }
  return new WrongUnitError(
    `Cannot read "${endpoint}" unit ${unitId}: the gateway says that no device answers there ` +
      `(exception ${cause.code}); try another --unit, or --unit auto`,
    "timeout",
    { cause },
  );
}

function busyDevice(cause: unknown, transport: Transport): BusyDeviceError | undefined {
  if (!(cause instanceof ModbusException) || !cause.isBusy) return undefined;
  return new BusyDeviceError(transport, cause);
}

/** What came back is no reply to what was asked: something else may listen there. */
function foreignHost(cause: unknown): ProtocolError | undefined {
  if (!(cause instanceof ProtocolError) || !(cause.cause instanceof ProtocolError)) {
    return undefined;
  }
  return new ProtocolError(`${cause.message}; does this host speak Modbus TCP?`, { cause });
}
