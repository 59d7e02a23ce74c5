/** What a simulator is to serve. */
export interface ToServe {
  /** One device each. */
  readonly addresses: readonly string[];
  /** Where nobody gets an answer, not even when connecting. */
  readonly silent: readonly string[];
}

/** What it serves. */
export interface Served {
  /** Of all addresses. */
  readonly port: number;
}

/** What it was asked since its start. */
export interface Counts {
  /** Reads of the first value of model 103, all devices together. */
  readonly polls: number;
  /** Devices that were polled at least once. */
  readonly polledDevices: number;
  /** Modbus requests of any kind. */
  readonly requests: number;
  /** Bytes of Modbus frames that came. */
  readonly bytesIn: number;
  /** Bytes of Modbus frames that went. */
  readonly bytesOut: number;
  /** Connections that are open. */
  readonly connections: number;
}
