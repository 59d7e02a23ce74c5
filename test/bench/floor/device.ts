import { connect, type Socket } from "node:net";
import type { FloorRead } from "./config.ts";

const HEAD_BYTES = 9;

/** A device behind one connection; one request at a time. */
export class Device {
  readonly endpoint: string;
  readonly connected: Promise<void>;
  /** Whether a poll is under way. */
  isBusy = false;
  readonly #socket: Socket;
  readonly #request = new DataView(new ArrayBuffer(12));
  #waiting: ((registers: DataView) => void) | undefined;
  #wanted = 0;
  #held: Uint8Array = new Uint8Array(0);

  /** Connects. */
  constructor(endpoint: string) {
    const [host = "", port] = endpoint.split(":");
    this.endpoint = endpoint;
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.connected = new Promise((resolve) => this.#socket.once("connect", resolve));
    this.#socket.on("data", (bytes: Uint8Array) => this.#receive(bytes));
    this.#request.setUint16(4, 6);
    this.#request.setUint8(6, 1);
    this.#request.setUint8(7, 3);
  }

  /** Reads registers. */
  read({ address, quantity }: FloorRead): Promise<DataView> {
    this.#request.setUint16(8, address);
    this.#request.setUint16(10, quantity);
    this.#wanted = HEAD_BYTES + quantity * 2;
    this.#socket.write(new Uint8Array(this.#request.buffer.slice(0)));
    return new Promise((resolve) => this.#waiting = resolve);
  }

  #receive(bytes: Uint8Array): void {
    const held = this.#held.length === 0 ? bytes : Uint8Array.of(...this.#held, ...bytes);
    if (held.length < this.#wanted) {
      this.#held = held;
      return;
    }
    this.#held = new Uint8Array(0);
    const start = held.byteOffset + HEAD_BYTES;
    this.#waiting?.(new DataView(held.buffer, start, this.#wanted - HEAD_BYTES));
  }
}
