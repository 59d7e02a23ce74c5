/**
 * RTU frames: MODBUS over Serial Line V1.02, section 2.5.1. They name no request: what keeps a late
 * reply from being taken for the next one is in `settling_link.ts`.
 *
 * @module
 */
import { ProtocolError } from "../core/mod.ts";
import { type Frame, quantityOf, replyLength } from "./frame.ts";
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
    return { end, pdu: bytes.subarray(1, -2) };
  },
};

/** RTU on a serial line: whatever is not the reply is noise, our own request coming back included. */
export const noisyRtu: Framing = {
  hint: "are speed, parity and stop bits those of the device?",
  encode: encodeRtu,
  take(bytes, request) {
    if (!request) return { end: bytes.length };
    const echo = encodeRtu(request);
    for (let at = 0; at < bytes.length; at++) {
      const rest = bytes.subarray(at);
      if (beginsWith(rest, echo)) {
        // Not yet all of it: what follows tells.
        if (rest.length < echo.length) return at > 0 ? { end: at } : undefined;
        at += echo.length - 1;
        continue;
      }
      const length = candidateLength(rest, request);
      if (length === undefined) continue;
      if (rest.length < length) return at > 0 ? { end: at } : undefined;
      const frame = rest.subarray(0, length);
      if (hasRightCrc(frame)) return { end: at + length, pdu: frame.subarray(1, -2) };
    }
    return { end: bytes.length };
  },
};

/** Whether one is the beginning of the other. */
function beginsWith(bytes: Uint8Array, other: Uint8Array): boolean {
  const length = Math.min(bytes.length, other.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== other[i]) return false;
  return true;
}

/** How long the reply is that may begin here; undefined = none does. */
function candidateLength(bytes: Uint8Array, { unitId, pdu }: Frame): number | undefined {
  const asked = pdu[0] ?? 0;
  const byteCount = quantityOf(pdu) * 2;
  const [unit, functionCode, third] = bytes;
  if (unit !== unitId) return undefined;
  if (functionCode === (asked | 0x80)) return 2 + RTU_OVERHEAD;
  const isData = functionCode === asked && (third === byteCount || third === undefined);
  return isData || functionCode === undefined ? 2 + byteCount + RTU_OVERHEAD : undefined;
}
