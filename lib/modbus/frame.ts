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
  readonly transactionId: number;
  readonly unitId: number;
  /** Function code and data. */
  readonly pdu: Uint8Array;
}

/** Writes a frame. */
export function encodeFrame({ transactionId, unitId, pdu }: Frame): Uint8Array {
  const bytes = new Uint8Array(PREFIX_LENGTH + 1 + pdu.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, transactionId);
  view.setUint16(4, pdu.length + 1);
  view.setUint8(6, unitId);
  bytes.set(pdu, PREFIX_LENGTH + 1);
  return bytes;
}

/**
 * Where the first frame in `bytes` ends; undefined = more bytes are needed.
 *
 * @throws {ProtocolError} when no frame begins so: nothing behind it can be trusted either
 */
export function frameEnd(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 4 && view.getUint16(2) !== 0) {
    throw new ProtocolError(`a reply with protocol id ${view.getUint16(2)} instead of 0`);
  }
  if (bytes.length < PREFIX_LENGTH) return undefined;
  const length = view.getUint16(4);
  if (length < 3 || length > MAX_FRAME_LENGTH - PREFIX_LENGTH) {
    throw new ProtocolError(`a reply whose length ${length} is not within 3–254`);
  }
  const end = PREFIX_LENGTH + length;
  return bytes.length < end ? undefined : end;
}

/** Takes one whole frame apart; see {@linkcode frameEnd}. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    transactionId: view.getUint16(0),
    unitId: view.getUint8(6),
    pdu: bytes.slice(PREFIX_LENGTH + 1),
  };
}

/** The PDU of a read: function code, address, quantity. */
export function readPdu({ functionCode, address, quantity }: ReadRequest): Uint8Array {
  const pdu = new Uint8Array(5);
  const view = new DataView(pdu.buffer);
  view.setUint8(0, functionCode);
  view.setUint16(1, address);
  view.setUint16(3, quantity);
  return pdu;
}

/**
 * Holds a reply against the read it claims to answer.
 *
 * @throws {ProtocolError} when it cannot be the answer: wrong unit, function, length or byte count
 */
export function checkReply(request: Omit<Frame, "transactionId">, reply: Frame): void {
  const asked = request.pdu[0] ?? 0;
  const answered = reply.pdu[0] ?? 0;
  const fail = (what: string) => {
    throw new ProtocolError(`a reply with ${what}`);
  };
  if (reply.unitId !== request.unitId) {
    fail(`unit id ${reply.unitId} instead of ${request.unitId}`);
  }
  if (answered === (asked | 0x80)) {
    if (reply.pdu.length !== 2) fail(`an exception of ${reply.pdu.length} bytes instead of 2`);
    return;
  }
  if (answered !== asked) fail(`function code ${answered} instead of ${asked}`);
  const quantity = new DataView(request.pdu.buffer, request.pdu.byteOffset).getUint16(3);
  const byteCount = reply.pdu[1] ?? 0;
  if (byteCount !== quantity * 2) fail(`byte count ${byteCount} instead of ${quantity * 2}`);
  if (reply.pdu.length !== 2 + byteCount) {
    fail(`${reply.pdu.length - 2} data bytes with byte count ${byteCount}`);
  }
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
  if (((pdu[0] ?? 0) & 0x80) === 0) return undefined;
  return new ModbusException(pdu[1] ?? 0, describeRead(unitId, request));
}
