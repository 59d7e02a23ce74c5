import { EventEmitter } from "node:events";
import { Buffer } from "node:buffer";
import modbusSerial from "modbus-serial";
import type { ReadRequest } from "../core/mod.ts";
import { encodeRtu } from "./rtu.ts";

/** Sends a PDU to a unit and gives the PDU of the checked answer. */
export type ExchangePdu = (unitId: number, pdu: Uint8Array) => Promise<Uint8Array>;

/**
 * The request interface: modbus-serial over a strict link of our own.
 *
 * The library builds requests and takes answers apart; it never sees a socket, and no answer that
 * the link has not held against its request. One request at a time.
 */
export class ModbusClient {
  readonly #port: Port;
  readonly #modbus: InstanceType<typeof modbusSerial.default>;

  /** @param exchange how a request reaches the device and its answer comes back */
  constructor(exchange: ExchangePdu) {
    this.#port = new Port(exchange);
    this.#modbus = new modbusSerial.default(this.#port);
    this.#modbus.on("error", () => {});
    this.#modbus.open();
  }

  /**
   * Reads registers: `quantity` × 2 bytes, big-endian.
   *
   * @throws whatever the exchange throws
   */
  readRegisters(unitId: number, request: ReadRequest): Promise<Uint8Array> {
    const { functionCode, address, quantity } = request;
    this.#port.alternateTransaction();
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, result?: { readonly buffer: Uint8Array }) => {
        if (error) reject(this.#port.takeFailure() ?? error);
        else if (result) resolve(result.buffer);
      };
      if (functionCode === 3) this.#modbus.writeFC3(unitId, address, quantity, done);
      else this.#modbus.writeFC4(unitId, address, quantity, done);
    });
  }
}

/** A frame the library gives up on: how a port tells it that a request failed. */
const FAILED = Buffer.alloc(2);

/** The link, in the shape of a modbus-serial port: frames are unit, PDU and CRC both ways. */
class Port extends EventEmitter {
  readonly isOpen = true;
  /** The library keeps one slot a transaction for ever: alternating between two bounds them. */
  _transactionIdWrite = 1;
  _transactionIdRead = 1;
  readonly #exchange: ExchangePdu;
  #failure: Error | undefined;

  constructor(exchange: ExchangePdu) {
    super();
    this.#exchange = exchange;
  }

  open(opened: () => void): void {
    opened();
  }

  close(closed: () => void): void {
    closed();
  }

  alternateTransaction(): void {
    this._transactionIdWrite = 3 - this._transactionIdWrite;
    this._transactionIdRead = this._transactionIdWrite;
  }

  takeFailure(): Error | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  async write(frame: Uint8Array): Promise<void> {
    const unitId = frame[0] ?? 0;
    try {
      const pdu = await this.#exchange(unitId, frame.slice(1, -2));
      this.emit("data", Buffer.from(encodeRtu({ unitId, pdu }).buffer));
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.emit("data", FAILED);
    }
  }
}
