/**
 * SunSpec devices that exist in memory: the demo, and the test bench.
 *
 * @module
 */
export {
  type SimulatedDevice,
  type SimulatedDeviceOptions,
  simulateDevice,
  type SimulatedModel,
} from "./device.ts";
export {
  type EndpointSpec,
  parseEndpointSpec,
  serveEndpoint,
  type SimulatedEndpoint,
} from "./fleet.ts";
export { type Replay, replaysOf } from "./replay.ts";
export { isBus, type ServeAt, serveAt, type Served } from "./serve.ts";
export { chance, type Moment, type SimulatedIdentity, wireValueAt } from "./values.ts";
export {
  type Answer,
  type AskedRead,
  type Client,
  type Fault,
  type FaultType,
  faultTypes,
  type Outgoing,
  parseFault,
  type Step,
} from "./faults/mod.ts";
export type { FaultyService } from "./faulty_server.ts";
