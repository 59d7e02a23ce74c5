import { parseUnitIds, UsageError } from "../core/mod.ts";
import type { ReadHandler } from "../modbus/mod.ts";
import type { Definitions } from "../sunspec/mod.ts";
import { type SimulatedDevice, simulateDevice, type SimulatedModel } from "./device.ts";
import type { Answer, Fault } from "./faults/mod.ts";
import { isBus, type ServeAt, serveAt, type Served } from "./serve.ts";

const GATEWAY_TARGET_FAILED = 11;

/** One simulated endpoint: the devices behind it, one a unit id, all alike. */
export interface EndpointSpec {
  /** Of each device. */
  readonly models: readonly SimulatedModel[];
  /** Where their maps begin. */
  readonly baseAddress: number;
  /** One device each. */
  readonly unitIds: readonly number[];
  /** What is wrong with it; nothing when left out. */
  readonly faults?: readonly Fault[];
}

/** An endpoint that is being served. */
export interface SimulatedEndpoint extends Served {
  /** In the order of their unit ids. */
  readonly devices: readonly SimulatedDevice[];
}

const SPEC = /^(?<models>[\d:,]+)(?:@(?<base>\d+))?(?:\/(?<units>[\d,-]+))?$/;

/**
 * Understands `MODELS[@BASE][/UNITS]`: `1,103,160:3@0/1-4` is three modules in model 160, base
 * address 0, unit ids 1 to 4.
 *
 * @throws {UsageError} on anything else
 */
export function parseEndpointSpec(text: string): EndpointSpec {
  const groups = SPEC.exec(text)?.groups;
  const fail = (): never => {
    throw new UsageError(
      `Cannot simulate "${text}": write MODELS[@BASE][/UNITS], as in 1,103,160:3@40000/1-4`,
    );
  };
  if (!groups) return fail();
  const unitIds = parseUnitIds(groups.units ?? "1");
  const baseAddress = Number(groups.base ?? 40_000);
  const models = (groups.models ?? "").split(",").map((part) => {
    const [, id, count] = /^(\d+)(?::(\d+))?$/.exec(part) ?? fail();
    return { id: Number(id), groups: Number(count ?? 1) };
  });
  if (unitIds === "auto" || baseAddress > 65_535) return fail();
  return { models, baseAddress, unitIds };
}

/**
 * Serves one endpoint.
 *
 * @param index tells the endpoint's devices from those of others
 * @param stateOf the present state n
 * @throws {UsageError} the address cannot be had
 * @throws {RefusedError} it needs privileges
 * @throws {TransportError} the serial line cannot be had
 */
export async function serveEndpoint(
  spec: EndpointSpec,
  at: ServeAt & { readonly index: number },
  definitions: Definitions,
  stateOf: () => number,
): Promise<SimulatedEndpoint> {
  const { faults = [] } = spec;
  const devices = await Promise.all(spec.unitIds.map((unitId) =>
    simulateDevice({
      identity: identityOf(at.index, unitId),
      unitId,
      seed: at.index * 256 + unitId,
      baseAddress: spec.baseAddress,
      models: spec.models,
      faults,
    }, definitions)
  ));
  const byUnit = new Map(devices.map((device) => [device.options.unitId, device]));
  const absent = isBus(at) ? undefined : GATEWAY_TARGET_FAILED;
  const handler: ReadHandler = (unitId, { functionCode, address, quantity }) => {
    const device = byUnit.get(unitId);
    if (!device) return absent;
    const n = stateOf();
    const read = { unitId, functionCode, address, quantity };
    const ask = faults.reduce<() => Answer>(
      (ask, fault) => () => fault.answer ? fault.answer(read, ask, n) : ask(),
      () => device.read(address, quantity, n),
    );
    return ask();
  };
  const served = await serveAt(at, handler, { faults: faults.filter(isOfTheWire), stateOf });
  return Object.assign(served, { devices });
}

function isOfTheWire({ slots, idleMs, hears, deliver }: Fault): boolean {
  return [slots, idleMs, hears, deliver].some((part) => part !== undefined);
}

function identityOf(index: number, unitId: number) {
  return {
    manufacturer: "Helio",
    model: "H-10",
    options: "",
    version: "1.2",
    serialNumber: `SN${String(index + 1).padStart(4, "0")}${unitId === 1 ? "" : `-${unitId}`}`,
  };
}
