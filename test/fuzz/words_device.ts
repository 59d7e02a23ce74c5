import { ModbusException, type ReadRequest, type Transport } from "../../lib/core/mod.ts";
import type { Rule } from "../sunspec/memory_device.ts";

const REFUSAL = new ModbusException(2, "a request");

/** Registers in one piece behind a transport; what is not there is refused with exception 2. */
export class WordsDevice implements Transport {
  readonly endpoint = "192.0.2.7:502";
  readonly unitId = 1;
  /** May be changed between two reads. */
  readonly words: Uint16Array;
  /** Requests that were refused, or not answered. */
  refused = 0;
  readonly #address: number;
  readonly #rules: readonly Rule[];

  /** `words` begin at `address`. */
  constructor(address: number, words: Uint16Array, rules: readonly Rule[]) {
    this.#address = address;
    this.words = words;
    this.#rules = rules;
  }

  readRegisters(request: ReadRequest): Promise<Uint8Array> {
    const { address, quantity } = request;
    if (!(quantity >= 1 && quantity <= 125 && address >= 0 && address + quantity <= 0x1_0000)) {
      throw new RangeError(`Not a Modbus request: ${JSON.stringify(request)}`);
    }
    const from = address - this.#address;
    const error = this.#rules.map((rule) => rule(request)).find((error) => error) ??
      (from < 0 || from + quantity > this.words.length ? REFUSAL : undefined);
    if (error) {
      this.refused++;
      return Promise.reject(error);
    }
    const view = new DataView(new ArrayBuffer(quantity * 2));
    for (let i = 0; i < quantity; i++) view.setUint16(i * 2, this.words[from + i] ?? 0);
    return Promise.resolve(new Uint8Array(view.buffer));
  }
}
