import { type Config, formatShard, settings } from "../../config/mod.ts";
import {
  type Endpoint,
  type Finding,
  formatEndpoint,
  messageOf,
  TransportError,
  type TransportFault,
} from "../../core/mod.ts";
import { DeviceAccess } from "../devices.ts";

/** What to do when the wire breaks in one of its ways. */
const ADVICE: Readonly<Record<TransportFault, string>> = {
  timeout: "check the address and the way there; some devices sleep at night",
  refused: "switch Modbus TCP on in the device, check the port, and end other clients",
  closed: "the device may allow one client only: end the others",
  unreachable: "check the address, the name and the network of this machine",
  denied: "see the message: a certificate, a password or a right is missing",
  malformed: "another service answers there, or another unit id has the map: try --unit auto",
};

/** Each configured device: its connection, then who answers at each unit id. */
export async function* examineDevices(
  config: Config,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const devices = config.get(settings.devices);
  const isSearched = config.get(settings.discovery.subnet).length > 0;
  const shard = config.get(settings.collect.shard);
  if (devices.length === 0) {
    const ours = shard ? ` for shard ${formatShard(shard)}` : "";
    const text = `no [[devices]] are configured${ours}`;
    if (isSearched) return yield found("devices", `${text}, discovery.subnet is searched`);
    const advice = "name some, as made by: sunspool discover ENDPOINT --write-config";
    return yield { subject: "devices", state: "fault", text, advice };
  }
  using access = new DeviceAccess(config);
  for (const device of devices) {
    const { endpoint } = device;
    const subject = `device ${formatEndpoint(endpoint)}`;
    try {
      await access.sessions.get(endpoint).connect(signal);
    } catch (error) {
      yield broken(subject, error);
      continue;
    }
    yield found(subject, "can be connected to");
    for (const unitId of device.unitIds) {
      yield await examineUnit(access, { endpoint, unitId }, signal);
    }
  }
}

async function examineUnit(
  access: DeviceAccess,
  { endpoint, unitId }: { readonly endpoint: Endpoint; readonly unitId: number },
  signal: AbortSignal,
): Promise<Finding> {
  const subject = `device ${formatEndpoint(endpoint)}/${unitId}`;
  try {
    await using device = await access.open(endpoint, unitId, signal);
    const models = device.sources.map(({ modelId }) => modelId).join(", ");
    const text = `is ${device.identity.id} with the models ${models}`;
    if (device.warnings.length === 0) return found(subject, text);
    const advice = `${device.warnings.join("; ")}: what agrees is read all the same`;
    return { subject, state: "warning", text, advice };
  } catch (error) {
    return broken(subject, error);
  }
}

function broken(subject: string, error: unknown): Finding {
  const advice = error instanceof TransportError ? ADVICE[error.fault] : "see the message";
  return { subject, state: "fault", text: messageOf(error), advice };
}

function found(subject: string, text: string): Finding {
  return { subject, state: "ok", text, advice: undefined };
}
