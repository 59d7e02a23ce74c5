/**
 * RTU frames: MODBUS over Serial Line V1.02, section 2.5.1. They name no request: what keeps a late
 * reply from being taken for the next one is in `settling_link.ts`.
 *
 * @module
 */
import { ProtocolError } from "../core/mod.ts";
import { type Frame, replyLength } from "./frame.ts";
import type { Framing } from "./framing.ts";

/** Unit id before the PDU, CRC behind it. */
export const RTU_OVERHEAD = 3;

const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
});

/** CRC of an RTU frame: MODBUS over Serial Line V1.02, section 6.2.2. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}

/** Writes a frame: unit id, PDU, CRC with its low byte first. */
export function encodeRtu({ unitId, pdu }: Omit<Frame, "transactionId">): Uint8Array {
  const bytes = new Uint8Array(pdu.length + RTU_OVERHEAD);
  bytes[0] = unitId;
  bytes.set(pdu, 1);
  new DataView(bytes.buffer).setUint16(pdu.length + 1, crc16(bytes.subarray(0, -2)), true);
  return bytes;
}

/** Whether the last two bytes are the CRC of the others. */
export function hasRightCrc(frame: Uint8Array): boolean {
  const [low = 0, high = 0] = frame.subarray(-2);
  return crc16(frame.subarray(0, -2)) === (high << 8 | low);
}

/** RTU over TCP: nothing but the one reply may come. */
export const strictRtu: Framing = {
  encode: encodeRtu,
  take(bytes, request) {
    if (!request) throw new ProtocolError("bytes that nobody asked for");
    if (bytes.length < 3) return undefined;
    const [unitId = 0, functionCode = 0, byteCount = 0] = bytes;
    const end = replyLength(request, { unitId, functionCode, byteCount }) + RTU_OVERHEAD;
    if (bytes.length < end) return undefined;
    if (bytes.length > end) throw new ProtocolError("a reply with more bytes behind it");
    if (!hasRightCrc(bytes)) throw new ProtocolError("a reply with a wrong CRC");
    return { end, pdu: bytes.slice(1, -2) };
  },
};
