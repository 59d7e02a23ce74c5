import type { Config } from "../config/mod.ts";
import { topic } from "../outputs/mod.ts";
import { ConfigState } from "./config_changes.ts";
import type { Deliveries } from "./deliveries.ts";
import { type DeliveryPorts, drainsOf } from "./delivery.ts";
import type { Fleet } from "./fleet.ts";
import { keepRecorder } from "./recorder.ts";
import { requireUsable } from "./usable.ts";

/** Who works by a configuration. */
export interface AdoptionPorts {
  readonly fleet: Fleet;
  readonly deliveries: Deliveries;
  readonly delivery: DeliveryPorts;
  /** Takes it as the one in use. */
  use(state: ConfigState): void;
  /** Half of another one is in use: only a start can help. */
  fail(error: unknown): void;
}

/**
 * Works by another configuration from now on, all of it or nothing.
 *
 * @param stopping nothing begins any more
 * @returns what has changed, for the log
 * @throws {ConfigError} it cannot be used, or not without a start: nothing has changed
 */
export async function adopt(
  config: Config,
  before: ConfigState,
  ports: AdoptionPorts,
  stopping: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const { fleet, deliveries, delivery } = ports;
  const after = new ConfigState(config);
  await requireUsable(config);
  after.requireChangeable(before);
  const left = after.outputsLeft(before);
  const stay = before.config.outputs().filter(({ name }) => !left.includes(name));
  const outputs = config.outputs();
  const drains = drainsOf(config, delivery, outputs.filter((type) => !stay.includes(type)));
  // Nothing that it says can be wrong from here on.
  keepRecorder(before.config, config);
  ports.use(after);
  const names = outputs.map(({ name }) => name);
  const exchangeOutputs = async () => {
    if (left.length + drains.length === 0) return;
    if (!await deliveries.remove(left, stopping)) return;
    await delivery.buffer.route(names, config.get(topic));
    deliveries.add(drains);
  };
  try {
    const change = after.fleetChange(before);
    const [devices] = await Promise.all([
      fleet.reload(config, change, stopping),
      exchangeOutputs(),
    ]);
    return { ...devices, outputs: names.join(",") };
  } catch (error) {
    ports.fail(error);
    throw error;
  }
}
