/**
 * How a server finds requests in a stream of bytes.
 *
 * @module
 */
import { decodeFrame, encodeFrame, type Frame, frameEnd } from "./frame.ts";
import { encodeRtu, hasRightCrc } from "./rtu.ts";

/** What was found at the beginning of the bytes that came. */
export interface TakenRequest {
  /** How many of them are dealt with. */
  readonly end: number;
  /** undefined = they were no request. */
  readonly request?: Frame;
}

/** The server's side of a framing. */
export interface RequestFraming {
  /** Writes a reply. */
  encode(reply: Frame): Uint8Array;
  /**
   * Takes the first request; undefined = more bytes are needed.
   *
   * @throws {ProtocolError} when nothing that follows can be understood
   */
  take(bytes: Uint8Array): TakenRequest | undefined;
}

/** Modbus TCP. */
export const mbapRequests: RequestFraming = {
  encode: encodeFrame,
  take(bytes) {
    const end = frameEnd(bytes);
    return end === undefined ? undefined : { end, request: decodeFrame(bytes.slice(0, end)) };
  },
};

const READ_LENGTH = 8;
/** Write multiple coils, write multiple registers: their requests carry data. */
const WRITES: readonly number[] = [15, 16];

/** RTU; a byte that begins no request is noise. */
export const rtuRequests: RequestFraming = {
  encode: encodeRtu,
  take(bytes) {
    const [unitId = 0, functionCode = 0] = bytes;
    const end = WRITES.includes(functionCode) ? READ_LENGTH + 1 + (bytes[6] ?? 0) : READ_LENGTH;
    if (bytes.length < end) return undefined;
    if (!hasRightCrc(bytes.subarray(0, end))) return { end: 1 };
    return { end, request: { transactionId: 0, unitId, pdu: bytes.slice(1, end - 2) } };
  },
};
