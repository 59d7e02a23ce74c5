import { checkReply, decodeFrame, encodeFrame, type Frame, frameEnd } from "./frame.ts";

/** What was found at the beginning of the bytes that came. */
export interface Taken {
  /** How many of them are dealt with. */
  readonly end: number;
  /** The answer to the request: function code and data, not copied. */
  readonly pdu?: Uint8Array;
  /** A good reply, but to an earlier request. */
  readonly isStale?: boolean;
}

/** How requests and replies stand in a stream of bytes. */
export interface Framing {
  /** What to look at when bytes come, but no reply among them. */
  readonly hint?: string;
  /**
   * Writes a request.
   *
   * @param into an earlier one, which may be written over
   */
  encode(request: Frame, into?: Uint8Array): Uint8Array;
  /**
   * Takes the first reply out of what came, and holds it against the request.
   *
   * @param bytes at least one
   * @param request undefined = none is in flight
   * @returns undefined = more bytes are needed
   * @throws {ProtocolError} when nothing that follows can be trusted
   */
  take(bytes: Uint8Array, request: Frame | undefined): Taken | undefined;
}

/** Modbus TCP: each reply carries the transaction id of its request. */
export const mbap: Framing = {
  encode: encodeFrame,
  take(bytes, request) {
    const end = frameEnd(bytes);
    if (end === undefined) return undefined;
    if (!request) return { end };
    const reply = decodeFrame(bytes, end);
    if (reply.transactionId !== request.transactionId) return { end, isStale: true };
    checkReply(request, reply);
    return { end, pdu: reply.pdu };
  },
};
