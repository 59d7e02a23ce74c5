import type { Frame } from "../../lib/modbus/frame.ts";
import { type Framing, mbap } from "../../lib/modbus/framing.ts";
import { strictRtu } from "../../lib/modbus/rtu.ts";

/** A framing of the transports, and frames made without the code that is tested. */
export interface FuzzedFraming {
  readonly name: string;
  readonly framing: Framing;
  /** Whether replies name their requests, so that an earlier one's can be stepped over. */
  readonly hasStale: boolean;
  /** The frame of a reply. */
  frame(reply: Frame): Uint8Array;
}

/** Every framing that the transports use. */
export const framings: readonly FuzzedFraming[] = [
  {
    name: "Modbus TCP",
    framing: mbap,
    hasStale: true,
    frame({ transactionId, unitId, pdu }) {
      const length = pdu.length + 1;
      const head = [transactionId >> 8, transactionId, 0, 0, length >> 8, length, unitId];
      const bytes = new Uint8Array(head.length + pdu.length);
      bytes.set(head);
      bytes.set(pdu, head.length);
      return bytes;
    },
  },
  {
    name: "RTU",
    framing: strictRtu,
    hasStale: false,
    frame({ unitId, pdu }) {
      const bytes = new Uint8Array(pdu.length + 3);
      bytes[0] = unitId;
      bytes.set(pdu, 1);
      const crc = crcOf(bytes.subarray(0, -2));
      bytes.set([crc, crc >> 8], pdu.length + 1);
      return bytes;
    },
  },
];

/** Bit by bit, as MODBUS over Serial Line V1.02 describes it in section 6.2.2. */
function crcOf(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
  }
  return crc;
}
