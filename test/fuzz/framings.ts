import { checkReply, decodeFrame, type Frame, frameEnd } from "../../lib/modbus/frame.ts";

/** How replies stand in a stream of bytes, and how a reader of ours takes them out. */
export interface FuzzedFraming {
  readonly name: string;
  /** The frame of a reply, made without the code that is tested. */
  frame(reply: Frame): Uint8Array;
  /**
   * Takes the first reply and holds it against the request.
   *
   * @returns undefined = more bytes are needed; no PDU = a reply to another request
   * @throws {ProtocolError} when nothing that follows can be trusted
   */
  take(bytes: Uint8Array, request: Frame): Taken | undefined;
}

/** What was at the beginning of the bytes. */
export interface Taken {
  /** How many of them are dealt with. */
  readonly end: number;
  /** The answer to the request. */
  readonly pdu?: Uint8Array;
}

const mbap: FuzzedFraming = {
  name: "Modbus TCP",
  frame({ transactionId, unitId, pdu }) {
    const length = pdu.length + 1;
    const head = [transactionId >> 8, transactionId, 0, 0, length >> 8, length, unitId];
    const bytes = new Uint8Array(head.length + pdu.length);
    bytes.set(head);
    bytes.set(pdu, head.length);
    return bytes;
  },
  take(bytes, request) {
    const end = frameEnd(bytes);
    if (end === undefined) return undefined;
    const reply = decodeFrame(bytes.subarray(0, end));
    if (reply.transactionId !== request.transactionId) return { end };
    checkReply(request, reply);
    return { end, pdu: reply.pdu };
  },
};

/** Every framing that the transports use. */
export const framings: readonly FuzzedFraming[] = [mbap];
