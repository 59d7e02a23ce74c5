import {
  type Endpoint,
  formatEndpoint,
  messageOf,
  parseEndpoint,
  parseUnitIds,
  type Setting,
  SettingError,
  type SettingFault,
} from "../core/mod.ts";
import { setting, writtenWord } from "../setting.ts";

/** One `[[devices]]` entry; what it leaves out comes from the other sections. */
export interface DeviceConfig {
  /** Where it is. */
  readonly endpoint: Endpoint;
  /** At least one. */
  readonly unitIds: readonly number[];
  /** What people call it, for the log. */
  readonly name: string | undefined;
  /** Where its map begins. */
  readonly baseAddress: number | undefined;
  /** Time between two polls. */
  readonly pollIntervalMs: number | undefined;
  /** How long to wait for an answer. */
  readonly timeoutMs: number | undefined;
  /** The most registers in one request. */
  readonly maxRegisters: number | undefined;
  /** Only these models are polled. */
  readonly models: readonly number[] | undefined;
  /** Hold its connection, or release it between polls. */
  readonly session: "hold" | "release" | undefined;
  /** The pause it needs after connecting. */
  readonly connectDelayMs: number | undefined;
  /** The pause it needs between requests. */
  readonly interReadDelayMs: number | undefined;
}

type Mutable = { -readonly [K in keyof DeviceConfig]?: DeviceConfig[K] };

const integerSchema = (minimum: number, maximum: number) => ({ type: "integer", minimum, maximum });

/** Unit ids as on the command line, however the file has them: `1`, `"1-10"`, `[1, 3]`. */
export function writtenUnitIds(value: unknown): string {
  const words = Array.isArray(value) ? value.map(writtenWord) : [writtenWord(value)];
  return words.map((word) => word ?? "?").join(",");
}

/** Reads one key of an entry into the device. */
type Reader = (value: unknown, device: Mutable) => void;

function whole(min: number, max: number, value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
    return value;
  }
  throw new SettingError(`must be a whole number within ${min}–${max}`);
}

const KEYS: Readonly<Record<string, { readonly schema: object; readonly read: Reader }>> = {
  endpoint: {
    schema: { type: "string" },
    read: (value, device) => {
      if (typeof value !== "string") throw new SettingError("must be a text");
      device.endpoint = parseEndpoint(value);
    },
  },
  unit_ids: {
    schema: { type: ["integer", "string", "array"], items: integerSchema(0, 255) },
    read: (value, device) => {
      const ids = parseUnitIds(writtenUnitIds(value));
      if (ids === "auto") throw new SettingError("must name unit ids: 1, 1,3,126 or 1-10");
      device.unitIds = ids;
    },
  },
  name: {
    schema: { type: "string" },
    read: (value, device) => {
      if (typeof value !== "string") throw new SettingError("must be a text");
      device.name = value;
    },
  },
  base_address: {
    schema: integerSchema(0, 65_533),
    read: (value, device) => device.baseAddress = whole(0, 65_533, value),
  },
  poll_interval_ms: {
    schema: integerSchema(10, 86_400_000),
    read: (value, device) => device.pollIntervalMs = whole(10, 86_400_000, value),
  },
  timeout_ms: {
    schema: integerSchema(1, 3_600_000),
    read: (value, device) => device.timeoutMs = whole(1, 3_600_000, value),
  },
  max_registers: {
    schema: integerSchema(1, 125),
    read: (value, device) => device.maxRegisters = whole(1, 125, value),
  },
  models: {
    schema: { type: "array", items: integerSchema(1, 65_534) },
    read: (value, device) => {
      if (!Array.isArray(value)) throw new SettingError("must be an array of model ids");
      device.models = value.map((id) => whole(1, 65_534, id));
    },
  },
  session: {
    schema: { enum: ["hold", "release"] },
    read: (value, device) => {
      if (value !== "hold" && value !== "release") {
        throw new SettingError("must be one of hold, release");
      }
      device.session = value;
    },
  },
  connect_delay_ms: {
    schema: integerSchema(0, 60_000),
    read: (value, device) => device.connectDelayMs = whole(0, 60_000, value),
  },
  inter_read_delay_ms: {
    schema: integerSchema(0, 60_000),
    read: (value, device) => device.interReadDelayMs = whole(0, 60_000, value),
  },
};

function complete(device: Mutable): DeviceConfig | undefined {
  if (!device.endpoint) return undefined;
  return {
    endpoint: device.endpoint,
    unitIds: device.unitIds ?? [1],
    name: device.name,
    baseAddress: device.baseAddress,
    pollIntervalMs: device.pollIntervalMs,
    timeoutMs: device.timeoutMs,
    maxRegisters: device.maxRegisters,
    models: device.models,
    session: device.session,
    connectDelayMs: device.connectDelayMs,
    interReadDelayMs: device.interReadDelayMs,
  };
}

function parseDevice(entry: unknown, path: string, faults: SettingFault[]) {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    faults.push({ path: [path], text: "must be a table" });
    return undefined;
  }
  const device: Mutable = {};
  for (const [key, value] of Object.entries(entry)) {
    const known = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (!known) {
      // What stands at an unknown key may be a secret.
      const text = `unknown key; known are ${Object.keys(KEYS).join(", ")}`;
      faults.push({ path: [path, key], text });
      continue;
    }
    try {
      known.read(value, device);
    } catch (error) {
      faults.push({ path: [path, key], text: messageOf(error), written: value });
    }
  }
  if (!("endpoint" in entry)) faults.push({ path: [path], text: "has no endpoint" });
  return complete(device);
}

function parseDevices(value: unknown): readonly DeviceConfig[] {
  if (!Array.isArray(value)) throw new SettingError("must be written as [[devices]] tables");
  const faults: SettingFault[] = [];
  const parsed = value.map((entry, i) => parseDevice(entry, String(i), faults));
  faults.push(...duplicates(parsed));
  if (faults.length > 0) throw new SettingError(faults);
  return parsed.filter((device) => device !== undefined);
}

/** The same unit id behind the same endpoint twice would be read twice. */
function duplicates(list: readonly (DeviceConfig | undefined)[]): SettingFault[] {
  const seen = new Set<string>();
  const faults: SettingFault[] = [];
  for (const [i, device] of list.entries()) {
    if (!device) continue;
    for (const unitId of device.unitIds) {
      const place = `${formatEndpoint(device.endpoint)} unit ${unitId}`;
      if (seen.has(place)) faults.push({ path: [String(i)], text: `"${place}" is listed twice` });
      seen.add(place);
    }
  }
  return faults;
}

/**
 * Takes `192.0.2.7:126,192.0.2.8` (addresses, each with a unit id if it is not 1) apart, into what
 * the file would say.
 *
 * @throws {SettingError} when it is not of that form
 */
export function expandShortForm(text: string, port?: number): readonly object[] {
  const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
  return parts.map((part) => {
    const [, host, unit] = /^([^:\s]+|\[[^\]\s]+\])(?::(\d+))?$/.exec(part) ?? [];
    if (host === undefined) throw new SettingError(`"${part}" must be ip or ip:unit`);
    const endpoint = port === undefined ? host : `${host}:${port}`;
    return { endpoint, unit_ids: [Number(unit ?? 1)] };
  });
}

/** The devices that are known beforehand. */
export const devices: Setting<readonly DeviceConfig[]> = setting<readonly DeviceConfig[]>(
  {
    key: "devices",
    env: "SUNSPEC_STATIC_DEVICES",
    summary: "Devices known beforehand; in the environment ip[:unit],…, on SUNSPEC_PORT",
  },
  [],
  {
    schema: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["endpoint"],
        properties: Object.fromEntries(
          Object.entries(KEYS).map(([key, { schema }]) => [key, schema]),
        ),
      },
    },
    parse: parseDevices,
    fromText: (text) => parseDevices(expandShortForm(text)),
  },
);
