/**
 * Modbus: sessions, requests, planning, and a server for simulated devices.
 *
 * @module
 */
export { type Atom, type PlanLimits, type PlannedRead, planReads } from "./plan.ts";
export { type ExchangeLine, formatExchange, parseExchanges } from "./exchange.ts";
export type { Recorder } from "./recording_link.ts";
export { type Frame, MAX_READ_QUANTITY } from "./frame.ts";
export type { PauseKind, Pauses } from "./pace.ts";
export { mbapRequests, type RequestFraming, rtuRequests, type TakenRequest } from "./requests.ts";
export {
  answerPdu,
  type ModbusServer,
  type ReadHandler,
  serveModbus,
  type ServePlace,
  serveSerial,
} from "./server.ts";
export type { OpenerOptions } from "./open.ts";
export { Session, type SessionOptions, type UnitOptions } from "./session.ts";
export { Sessions } from "./sessions.ts";
export { readCertificates, type TlsCertificates, type TlsFiles } from "./tls.ts";
