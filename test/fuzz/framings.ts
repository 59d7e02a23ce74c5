import type { Frame } from "../../lib/modbus/frame.ts";
import { type Framing, mbap } from "../../lib/modbus/framing.ts";
import { noisyRtu, strictRtu } from "../../lib/modbus/rtu.ts";

/** A framing of the transports, and frames made without the code that is tested. */
export interface FuzzedFraming {
  readonly name: string;
  readonly framing: Framing;
  /** What cannot become of a reply in it. */
  readonly never: readonly Outcome[];
  /** The frame of a reply. */
  frame(reply: Frame): Uint8Array;
}

/** What became of a reply. */
export type Outcome =
  /** Taken as the answer. */
  | "accepted"
  /** Taken as an exception. */
  | "exceptions"
  /** A reply to another request, or noise: stepped over. */
  | "skipped"
  /** A protocol error: the connection ends. */
  | "refused"
  /** More bytes are awaited: the deadline ends it. */
  | "waiting";

/** Every framing that the transports use. */
export const framings: readonly FuzzedFraming[] = [
  {
    name: "Modbus TCP",
    framing: mbap,
    never: [],
    frame({ transactionId, unitId, pdu }) {
      const length = pdu.length + 1;
      const head = [transactionId >> 8, transactionId, 0, 0, length >> 8, length, unitId];
      const bytes = new Uint8Array(head.length + pdu.length);
      bytes.set(head);
      bytes.set(pdu, head.length);
      return bytes;
    },
  },
  { name: "RTU over TCP", framing: strictRtu, never: ["skipped"], frame: rtuFrame },
  { name: "serial RTU", framing: noisyRtu, never: ["refused"], frame: rtuFrame },
];

function rtuFrame({ unitId, pdu }: Frame): Uint8Array {
  const bytes = new Uint8Array(pdu.length + 3);
  bytes[0] = unitId;
  bytes.set(pdu, 1);
  const crc = crcOf(bytes.subarray(0, -2));
  bytes.set([crc, crc >> 8], pdu.length + 1);
  return bytes;
}

/** Bit by bit, as MODBUS over Serial Line V1.02 describes it in section 6.2.2. */
function crcOf(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
  }
  return crc;
}
