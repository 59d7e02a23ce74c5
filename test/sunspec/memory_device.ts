import {
  ModbusException,
  type ReadRequest,
  type Transport,
  TransportError,
} from "../../lib/core/mod.ts";
import { fromHex } from "../modbus/hex.ts";

/** What a device says to a request before it looks at its registers: an error, or nothing. */
export type Rule = (request: ReadRequest) => Error | undefined;

/** Registers in memory behind a transport; what is not there is refused with exception 2. */
export class MemoryDevice implements Transport {
  readonly endpoint = "192.0.2.7:502";
  readonly unitId = 1;
  /** How often it was connected to. */
  connected = 1;
  /** Words by address; may be changed between two reads. */
  readonly registers = new Map<number, number>();
  readonly requests: ReadRequest[] = [];
  /** The requests that were not refused. */
  readonly served: ReadRequest[] = [];
  rules: readonly Rule[];

  /** `hex` is the registers from `address` on. */
  constructor(address: number, hex: string, ...rules: readonly Rule[]) {
    this.rules = rules;
    this.write(address, fromHex(hex));
  }

  /** Puts registers in place. */
  write(address: number, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < bytes.length / 2; i++) {
      this.registers.set(address + i, view.getUint16(i * 2));
    }
  }

  /** What was asked since the last time: `40000+2`. */
  takeRequests(): string[] {
    return this.requests.splice(0).map(({ address, quantity }) => `${address}+${quantity}`);
  }

  connections(): number {
    return this.connected;
  }

  readRegisters(request: ReadRequest, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    this.requests.push(request);
    const { address, quantity } = request;
    if (!(quantity >= 1 && quantity <= 125 && address >= 0 && address + quantity <= 0x1_0000)) {
      throw new RangeError(`Not a Modbus request: ${JSON.stringify(request)}`);
    }
    for (const rule of this.rules) {
      const error = rule(request);
      if (error) return Promise.reject(error);
    }
    const view = new DataView(new ArrayBuffer(quantity * 2));
    for (let i = 0; i < quantity; i++) {
      const word = this.registers.get(address + i);
      if (word === undefined) return Promise.reject(exception(2));
      view.setUint16(i * 2, word);
    }
    this.served.push(request);
    return Promise.resolve(new Uint8Array(view.buffer));
  }
}

/** A refusal. */
export function exception(code: number): ModbusException {
  return new ModbusException(code, "a request");
}

/** Refuses reads of more registers than it likes. */
export function capped(registers: number, code: number): Rule {
  return ({ quantity }) => quantity > registers ? exception(code) : undefined;
}

/** Refuses reads that touch these addresses. */
export function holes(...addresses: readonly number[]): Rule {
  return ({ address, quantity }) =>
    addresses.some((hole) => hole >= address && hole < address + quantity)
      ? exception(2)
      : undefined;
}

/** Serves one function code. */
export function onlyFunction(served: 3 | 4): Rule {
  return ({ functionCode }) => functionCode === served ? undefined : exception(1);
}

/** Does not answer reads from an address on. */
export function silentFrom(first: number): Rule {
  return ({ address, quantity }) =>
    address + quantity > first ? new TransportError("no answer", "timeout") : undefined;
}

const { signal } = new AbortController();

/** A signal that never aborts. */
export const forever: AbortSignal = signal;
