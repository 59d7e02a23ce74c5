/**
 * Modbus TCP frames: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1, and
 * MODBUS Application Protocol V1.1b3, section 6.
 *
 * @module
 */
import { ModbusException, ProtocolError, type ReadRequest } from "../core/mod.ts";

/** Transaction id, protocol id and length: what stands before the unit id. */
const PREFIX_LENGTH = 6;
/** The longest frame: prefix, unit id and 253 bytes of PDU. */
export const MAX_FRAME_LENGTH = 260;
/** The most registers one read may ask for. */
export const MAX_READ_QUANTITY = 125;

/** One frame, taken apart. */
export interface Frame {
  /** 16 bits; 0 where a framing has none. */
  readonly transactionId: number;
  /** 0–255. */
  readonly unitId: number;
  /** Function code and data. */
  readonly pdu: Uint8Array;
}

/**
 * Writes a frame.
 *
 * @param into written over where it has the right length, instead of a new array
 */
export function encodeFrame({ transactionId, unitId, pdu }: Frame, into?: Uint8Array): Uint8Array {
  const length = PREFIX_LENGTH + 1 + pdu.length;
  const bytes = into?.length === length ? into : new Uint8Array(length);
  putWord(bytes, 0, transactionId);
  putWord(bytes, 2, 0);
  putWord(bytes, 4, pdu.length + 1);
  bytes[PREFIX_LENGTH] = unitId;
  bytes.set(pdu, PREFIX_LENGTH + 1);
  return bytes;
}

/**
 * Where the first frame in `bytes` ends; undefined = more bytes are needed.
 *
 * @throws {ProtocolError} when no frame begins so: nothing behind it can be trusted either
 */
export function frameEnd(bytes: Uint8Array): number | undefined {
  if (bytes.length >= 4 && wordAt(bytes, 2) !== 0) {
    throw new ProtocolError(`a reply with protocol id ${wordAt(bytes, 2)} instead of 0`);
  }
  if (bytes.length < PREFIX_LENGTH) return undefined;
  const length = wordAt(bytes, 4);
  if (length < 3 || length > MAX_FRAME_LENGTH - PREFIX_LENGTH) {
    throw new ProtocolError(`a reply whose length ${length} is not within 3–254`);
  }
  const end = PREFIX_LENGTH + length;
  return bytes.length < end ? undefined : end;
}

/**
 * Takes the first frame apart; its PDU is not copied.
 *
 * @param end where it ends, see {@linkcode frameEnd}
 */
export function decodeFrame(bytes: Uint8Array, end = bytes.length): Frame {
  return {
    transactionId: wordAt(bytes, 0),
    unitId: bytes[PREFIX_LENGTH] ?? 0,
    pdu: bytes.subarray(PREFIX_LENGTH + 1, end),
  };
}

/** Without a view, which each frame would have to make. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
}

function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >> 8;
  bytes[at + 1] = word;
}

/** How long the PDU of a read is. */
export const READ_PDU_LENGTH = 5;

/**
 * The PDU of a read: function code, address, quantity.
 *
 * @param pdu written over
 */
export function readPdu(
  { functionCode, address, quantity }: ReadRequest,
  pdu = new Uint8Array(READ_PDU_LENGTH),
): Uint8Array {
  pdu[0] = functionCode;
  putWord(pdu, 1, address);
  putWord(pdu, 3, quantity);
  return pdu;
}

/**
 * Holds the head of a reply against the read it claims to answer.
 *
 * @param byteCount the byte after the function code
 * @returns how long its PDU has to be
 * @throws {ProtocolError} when it cannot be the answer: wrong unit, function or byte count
 */
export function replyLength(
  request: Omit<Frame, "transactionId">,
  head: { readonly unitId: number; readonly functionCode: number; readonly byteCount: number },
): number {
  const asked = request.pdu[0] ?? 0;
  if (head.unitId !== request.unitId) {
    throw new ProtocolError(`a reply with unit id ${head.unitId} instead of ${request.unitId}`);
  }
  if (head.functionCode === (asked | 0x80)) return 2;
  if (head.functionCode !== asked) {
    throw new ProtocolError(`a reply with function code ${head.functionCode} instead of ${asked}`);
  }
  const wanted = quantityOf(request.pdu) * 2;
  if (head.byteCount !== wanted) {
    throw new ProtocolError(`a reply with byte count ${head.byteCount} instead of ${wanted}`);
  }
  return 2 + wanted;
}

/** From where on the PDU of a read asks for registers. */
export function addressOf(pdu: Uint8Array): number {
  return wordAt(pdu, 1);
}

/** Whether the PDU of a reply is an exception. */
export function isException(pdu: Uint8Array): boolean {
  return ((pdu[0] ?? 0) & 0x80) !== 0;
}

/** How many registers the PDU of a read asks for. */
export function quantityOf(pdu: Uint8Array): number {
  return wordAt(pdu, 3);
}

/**
 * Holds a reply against the read it claims to answer.
 *
 * @throws {ProtocolError} when it cannot be the answer: wrong unit, function, length or byte count
 */
export function checkReply(request: Omit<Frame, "transactionId">, { unitId, pdu }: Frame): void {
  const functionCode = pdu[0] ?? 0;
  const byteCount = pdu[1] ?? 0;
  const length = replyLength(request, { unitId, functionCode, byteCount });
  if (pdu.length === length) return;
  throw new ProtocolError(
    length === 2
      ? `a reply with an exception of ${pdu.length} bytes instead of 2`
      : `a reply with ${pdu.length - 2} data bytes with byte count ${byteCount}`,
  );
}

/** What a checked reply that is no exception carries: the registers, not copied. */
export function registersOf(pdu: Uint8Array): Uint8Array {
  return pdu.subarray(2);
}

/** What a read asks for, in words. */
export function describeRead(unitId: number, { functionCode, address, quantity }: ReadRequest) {
  const kind = functionCode === 3 ? "holding" : "input";
  return `${quantity} ${kind} registers at ${address} of unit ${unitId}`;
}

/** The exception a checked reply carries, if it is one. */
export function exceptionOf(
  pdu: Uint8Array,
  unitId: number,
  request: ReadRequest,
): ModbusException | undefined {
  if (!isException(pdu)) return undefined;
  return new ModbusException(pdu[1] ?? 0, describeRead(unitId, request));
}
