import { sunspecDefinitions } from "../../../lib/drivers/mod.ts";
import { type SimulatedDevice, simulateDevice } from "../../../lib/simulate/mod.ts";
import { compileLayout, type Definitions, lengthOf } from "../../../lib/sunspec/mod.ts";

/** Where the maps begin. */
export const BASE_ADDRESS = 40_000;
/** A read as a frame: the devices of the bench are asked nothing else. */
export const REQUEST_LENGTH = 12;
/** "SunS", and the common model. */
const COMMON_BYTES = (2 + 2 + 66) * 2;
/** The first value of model 103: whoever reads it polls. */
const POLLED_ADDRESS = BASE_ADDRESS + COMMON_BYTES / 2 + 2;
const SERIAL_NUMBER_AT = (2 + 2 + 48) * 2;
/** An hour of polls; after that they begin again. */
const STATES = 4096;
const MOST_REGISTERS = 125;

const MODELS = [{ id: 1, groups: 1 }, { id: 103, groups: 1 }, { id: 160, groups: 4 }];
const NOT_IMPLEMENTED = [0x8000, 0xffff];

/** The registers of all devices: models 1, 103 and 160 with four modules, as they change by poll. */
export class Registers {
  /** Where the measured values of one register stand, as bytes from the base address, ascending. */
  readonly measured: readonly number[];
  readonly #device: SimulatedDevice;
  readonly #states: Uint8Array[] = [];

  /** See {@linkcode Registers.make}. */
  constructor(device: SimulatedDevice, measured: readonly number[]) {
    this.#device = device;
    this.measured = measured;
  }

  /** Makes them. */
  static async make(): Promise<Registers> {
    const options = {
      identity: {
        manufacturer: "Helio",
        model: "H-10",
        options: "",
        version: "1.2",
        serialNumber: "SN000000",
      },
      unitId: 1,
      seed: 1,
      baseAddress: BASE_ADDRESS,
      models: MODELS,
    };
    const definitions = await sunspecDefinitions(undefined);
    return new Registers(await simulateDevice(options, definitions), await measured(definitions));
  }

  /** As they are at the nth poll. */
  at(n: number): Uint8Array {
    const state = n % STATES;
    return this.#states[state] ??= this.#device.mapAt(state);
  }
}

/** Offsets of measured values, behind "SunS" and the models before theirs. */
async function measured(definitions: Definitions): Promise<number[]> {
  const offsets: number[] = [];
  let modelAt = 2;
  for (const { id, groups } of MODELS) {
    const definition = await definitions.get(id);
    if (!definition) throw new Error(`Model ${id} is built in`);
    const length = lengthOf(definition, groups);
    const { leaves } = compileLayout(definition, length, () => groups);
    for (const { offset, definition: { type, size, units } } of leaves) {
      if (type.kind !== "integer" || size !== 1 || units === undefined) continue;
      offsets.push((modelAt + offset) * 2);
    }
    modelAt += 2 + length;
  }
  return offsets;
}

/** One device: as all the others, but for its serial number, its polls, and some noise. */
export class BenchDevice {
  /** How often it was polled. */
  polls = 0;
  readonly #registers: Registers;
  readonly #index: number;
  readonly #common: Uint8Array;

  /** @param index makes its serial number */
  constructor(registers: Registers, index: number) {
    this.#registers = registers;
    this.#index = index;
    this.#common = registers.at(0).slice(0, COMMON_BYTES);
    const serialNumber = `SN${String(index).padStart(6, "0")}`;
    this.#common.set(new TextEncoder().encode(serialNumber), SERIAL_NUMBER_AT);
  }

  /**
   * Answers the request that begins at `from`.
   *
   * @param reply gets the answer, at `to`
   * @returns where the answer ends
   */
  answer(request: DataView, from: number, reply: DataView, to: number): number {
    const functionCode = request.getUint8(from + 7);
    const address = request.getUint16(from + 8);
    const quantity = request.getUint16(from + 10);
    const start = (address - BASE_ADDRESS) * 2;
    const end = start + quantity * 2;
    if (address <= POLLED_ADDRESS && address + quantity > POLLED_ADDRESS) this.polls++;
    const map = this.#registers.at(this.polls);
    reply.setUint32(to, request.getUint32(from));
    reply.setUint8(to + 6, request.getUint8(from + 6));
    const isRead = functionCode === 3 && quantity >= 1 && quantity <= MOST_REGISTERS;
    if (!isRead || start < 0 || end > map.length) {
      reply.setUint16(to + 4, 3);
      reply.setUint8(to + 7, functionCode | 0x80);
      reply.setUint8(to + 8, isRead ? 2 : 1);
      return to + 9;
    }
    reply.setUint16(to + 4, 3 + quantity * 2);
    reply.setUint8(to + 7, functionCode);
    reply.setUint8(to + 8, quantity * 2);
    const bytes = new Uint8Array(reply.buffer, to + 9, quantity * 2);
    bytes.set(map.subarray(start, end));
    if (start < COMMON_BYTES) bytes.set(this.#common.subarray(start, Math.min(end, COMMON_BYTES)));
    for (const offset of this.#registers.measured) {
      if (offset >= start && offset < end) this.#disturb(reply, to + 9 + offset - start);
    }
    return to + 9 + quantity * 2;
  }

  /** Up to 3 % more, by chance: otherwise all devices had the same values, and compressed to nothing. */
  #disturb(reply: DataView, at: number): void {
    const value = reply.getUint16(at);
    if (value === 0 || NOT_IMPLEMENTED.includes(value)) return;
    const mixed = Math.imul(this.#index + 1, 0x9e37_79b1) ^ Math.imul(this.polls + at, 0x85eb_ca6b);
    reply.setUint16(at, value + (mixed >>> 12) % ((value >>> 5) + 1));
  }
}
