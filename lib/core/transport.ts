/** One read of 16-bit registers. */
export interface ReadRequest {
  /** 3 = holding registers, 4 = input registers. */
  readonly functionCode: 3 | 4;
  /** Protocol address (counts from 0), 0–65535. */
  readonly address: number;
  /** 1–125. */
  readonly quantity: number;
}

/** One unit id behind one endpoint. The session below it is shared with the other unit ids. */
export interface Transport {
  /** The endpoint in its one spelling. */
  readonly endpoint: string;
  /** 0–255. */
  readonly unitId: number;
  /** How many connections were made so far: behind each of them another device may answer. */
  connections?(): number;
  /**
   * Reads registers: `quantity` × 2 bytes, big-endian, checked against the request.
   *
   * @throws {TransportError} the wire broke, stayed silent or broke the protocol, after all retries
   * @throws {ModbusException} the device said no
   */
  readRegisters(request: ReadRequest, signal: AbortSignal): Promise<Uint8Array>;
}
