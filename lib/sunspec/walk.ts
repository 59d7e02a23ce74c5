import {
  ModbusException,
  NotConnectedError,
  ProtocolError,
  type Transport,
  TransportError,
} from "../core/mod.ts";
import { HEADER_LENGTH } from "./layout.ts";

/** Where "SunS" may stand, in the order to try: Device Information Model Specification, section 6. */
export const BASE_ADDRESSES: readonly number[] = [40000, 0, 50000];

/** "SunS". */
const MARKER = 0x5375_6e53;
const END_MODEL = 0xffff;
/** Who the device is. */
export const COMMON_MODEL = 1;
const ADDRESS_SPACE = 0x1_0000;
/** Exception code. */
const ILLEGAL_FUNCTION = 1;
/** No device has so many models; a map that goes on is rubbish or hostile. */
const MODEL_LIMIT = 256;

/** A model as the chain announces it. */
export interface ModelPlace {
  /** Its id. */
  readonly id: number;
  /** Protocol address of the ID register. */
  readonly address: number;
  /** L: registers after ID and L. */
  readonly length: number;
}

/** What a walk found. */
export interface Chain {
  /** Where "SunS" stands. */
  readonly baseAddress: number;
  /** What the device answers to. */
  readonly functionCode: 3 | 4;
  /** In the order of the chain. */
  readonly models: readonly ModelPlace[];
  /** How the chain ended: `end_model`, `zero`, `exception_N`, `timeout`, or `limit`. */
  readonly end: string;
}

/** Reads `quantity` registers at `address`: the walk's whole view of a device. */
type ReadRegisters = (address: number, quantity: number) => Promise<DataView>;

/** How to walk. */
export interface WalkOptions {
  /** Where the map starts; undefined = try {@linkcode BASE_ADDRESSES}. */
  readonly baseAddress: number | undefined;
  /** Registers to fetch ahead from the base on; 0 = none. */
  readonly readAhead: number;
  /** The most registers in one request. */
  readonly maxRegisters: number;
}

/**
 * Finds the SunSpec map of a device and follows its chain of models.
 *
 * @returns undefined when the device answers but has no SunSpec map
 * @throws {TransportError} when it does not answer
 * @throws {ModbusException} when it is busy, or a gateway does not reach it
 */
export async function walk(
  transport: Transport,
  options: WalkOptions,
  signal: AbortSignal,
): Promise<Chain | undefined> {
  const base = await findBase(transport, options.baseAddress, signal);
  if (base === undefined) return undefined;
  const read = reader(transport, base.functionCode, signal);
  const ahead = options.readAhead > 0 ? await readAhead(read, base.address, options) : undefined;
  return { ...await followChain(ahead ?? read, base.address), functionCode: base.functionCode };
}

/** How often a device may contradict itself before it is tried again later. */
const MOST_WALKS = 4;

/**
 * Walks a device as {@linkcode walk} does, and again where the first walk may have been cut short
 * or led astray, until two in a row agree: whatever is missing from the chain would be missing from
 * every poll.
 *
 * @returns undefined when the device answers but has no SunSpec map
 * @throws {TransportError} when it does not answer, shows no model, or never says the same twice
 */
export async function walkSurely(
  transport: Transport,
  options: WalkOptions,
  signal: AbortSignal,
): Promise<Chain | undefined> {
  let chain = await walk(transport, options, signal);
  for (let walks = 1; chain && !isPlain(chain); walks++) {
    if (walks === MOST_WALKS) {
      throw new ProtocolError(
        `Cannot trust the models of "${transport.endpoint}" unit ${transport.unitId}: no two walks ` +
          "of its chain agree",
      );
    }
    const again = await walk(transport, options, signal);
    if (again && chainText(again) === chainText(chain)) break;
    chain = again;
  }
  if (chain?.models.length === 0 && !hasEnd(chain)) {
    throw new ProtocolError(
      `Cannot read "${transport.endpoint}" unit ${transport.unitId}: it shows none of its models ` +
        `(the chain ended with ${chain.end})`,
    );
  }
  return chain;
}

/** A chain as the specification has it: the common model first, and an end that is one. */
function isPlain(chain: Chain): boolean {
  return chain.models[0]?.id === COMMON_MODEL && hasEnd(chain);
}

/** Whether the device itself said where its chain ends. */
export function hasEnd({ end }: Chain): boolean {
  return end === "end_model" || end === "zero";
}

function chainText({ models, end }: Chain): string {
  return [...models.map(({ id, length }) => `${id}:${length}`), end].join(" ");
}

function reader(transport: Transport, functionCode: 3 | 4, signal: AbortSignal): ReadRegisters {
  return async (address, quantity) => {
    const bytes = await transport.readRegisters({ functionCode, address, quantity }, signal);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

interface Base {
  readonly address: number;
  readonly functionCode: 3 | 4;
}

async function findBase(
  transport: Transport,
  only: number | undefined,
  signal: AbortSignal,
): Promise<Base | undefined> {
  const candidates = only === undefined ? BASE_ADDRESSES : [only];
  const holding = await lookAt(candidates, 3, transport, signal);
  if (holding.base) return holding.base;
  if (!holding.isAnswered && holding.silence) throw holding.silence;
  // Silence beside answers may have been chance.
  const again = await lookAt(holding.silent, 3, transport, signal);
  if (again.base) return again.base;
  // What it had no time to answer for may be where its map is.
  const busy = holding.busy ?? again.busy;
  if (busy) throw busy;
  // Some devices serve input registers only.
  const input = await lookAt(candidates, 4, transport, signal);
  if (!input.base && input.busy) throw input.busy;
  return input.base;
}

/** What stands at the addresses where a map may begin. */
interface Look {
  readonly base: Base | undefined;
  readonly isAnswered: boolean;
  /** Addresses at which there was no answer, and the first of the failures. */
  readonly silent: readonly number[];
  readonly silence: TransportError | undefined;
  /** The first answer that asks to come again. */
  readonly busy: ModbusException | undefined;
}

async function lookAt(
  addresses: readonly number[],
  functionCode: 3 | 4,
  transport: Transport,
  signal: AbortSignal,
): Promise<Look> {
  const read = reader(transport, functionCode, signal);
  const silent: number[] = [];
  let silence: TransportError | undefined;
  let busy: ModbusException | undefined;
  const seen = (base?: Base) => ({
    base,
    isAnswered: silent.length < addresses.length,
    silent,
    silence,
    busy,
  });
  for (const address of addresses) {
    try {
      const marker = await read(address, 2);
      if (marker.getUint32(0) === MARKER) return seen({ address, functionCode });
    } catch (error) {
      if (error instanceof ModbusException) {
        if (error.isOfGateway) throw error;
        if (error.code === ILLEGAL_FUNCTION) return seen();
        if (error.isBusy) busy ??= error;
      } else if (isUnanswered(error)) {
        silent.push(address);
        silence ??= error;
      } else {
        throw error;
      }
    }
  }
  return seen();
}

/** Whether the device may know nothing of the address, and answer at another. */
function isUnanswered(error: unknown): error is TransportError {
  return error instanceof TransportError && error.fault === "timeout" &&
    !(error instanceof NotConnectedError);
}

/** Fetches the head of the map in large reads; the walk asks the device for what is not in them. */
async function readAhead(
  read: ReadRegisters,
  from: number,
  { readAhead, maxRegisters }: WalkOptions,
): Promise<ReadRegisters> {
  const quantity = Math.min(readAhead, ADDRESS_SPACE - from);
  const bytes = new Uint8Array(quantity * 2);
  let known = 0;
  while (known < quantity) {
    const next = Math.min(maxRegisters, quantity - known);
    try {
      const part = await read(from + known, next);
      bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), known * 2);
    } catch (error) {
      if (!(error instanceof ModbusException) && !(error instanceof TransportError)) throw error;
      break;
    }
    known += next;
  }
  return (address, wanted) => {
    const at = address - from;
    if (at < 0 || at + wanted > known) return read(address, wanted);
    return Promise.resolve(new DataView(bytes.buffer, at * 2, wanted * 2));
  };
}

async function followChain(
  read: ReadRegisters,
  baseAddress: number,
): Promise<Omit<Chain, "functionCode">> {
  const models: ModelPlace[] = [];
  let address = baseAddress + 2;
  while (models.length < MODEL_LIMIT && address + HEADER_LENGTH <= ADDRESS_SPACE) {
    const header = await readHeader(read, address);
    if ("end" in header) return { baseAddress, models, end: header.end };
    models.push({ ...header, address });
    address += HEADER_LENGTH + header.length;
  }
  return { baseAddress, models, end: "limit" };
}

type Header = { readonly id: number; readonly length: number } | { readonly end: string };

/** Id and length together where the device allows it; some do not serve the end model's length. */
async function readHeader(read: ReadRegisters, address: number): Promise<Header> {
  try {
    const both = await read(address, 2);
    // Where a model begins no marker stands: this is the answer to another request.
    if (both.getUint32(0) === MARKER) {
      throw new ProtocolError(`Cannot walk the models: "SunS" came again for address ${address}`);
    }
    return endOf(both.getUint16(0)) ?? { id: both.getUint16(0), length: both.getUint16(2) };
  } catch (error) {
    failureOf(error);
  }
  try {
    const id = (await read(address, 1)).getUint16(0);
    return endOf(id) ?? { id, length: (await read(address + 1, 1)).getUint16(0) };
  } catch (error) {
    return { end: failureOf(error) };
  }
}

function endOf(id: number): { readonly end: string } | undefined {
  if (id === END_MODEL) return { end: "end_model" };
  return id === 0 ? { end: "zero" } : undefined;
}

/** Names a failure that ends a chain; throws any other again. */
function failureOf(error: unknown): string {
  if (error instanceof ModbusException) return `exception_${error.code}`;
  if (error instanceof TransportError && error.fault === "timeout") return "timeout";
  throw error;
}

/**
 * Says whether a model still stands where the chain had it.
 *
 * @param header the model's first two registers, as just read
 * @throws {ProtocolError} when it does not: every value behind it would be wrong and plausible
 */
export function checkPlace(place: ModelPlace, header: DataView, endpoint: string): void {
  const id = header.getUint16(0);
  const length = header.getUint16(2);
  if (id === place.id && length === place.length) return;
  throw new ProtocolError(
    `Cannot trust the models of "${endpoint}": at ${place.address} stood model ${place.id} with ` +
      `length ${place.length}, now there is ${id} with length ${length}; the device is walked again`,
  );
}

/**
 * Whether a chain found earlier still begins and ends where it did: every model between them has
 * its own header checked as it is read.
 *
 * @throws {TransportError} when the device does not answer
 */
export async function isUnmoved(
  transport: Transport,
  { baseAddress, functionCode, models, end }: Chain,
  signal: AbortSignal,
): Promise<boolean> {
  const read = reader(transport, functionCode, signal);
  const last = models.at(-1);
  if (!last) return false;
  try {
    if ((await read(baseAddress, 2)).getUint32(0) !== MARKER) return false;
    for (const place of new Set([...models.slice(0, 1), last])) {
      const header = await read(place.address, 2);
      if (header.getUint16(0) !== place.id || header.getUint16(2) !== place.length) return false;
    }
    const after = last.address + HEADER_LENGTH + last.length;
    return end !== "end_model" || (await read(after, 1)).getUint16(0) === END_MODEL;
  } catch (error) {
    if (error instanceof ModbusException && !error.isOfGateway) return false;
    throw error;
  }
}
