import type { Step } from "./scripted_server.ts";

/** A reply, and what becomes of it. The request: 2 holding registers at 0 of unit 1. */
export interface HostileReply {
  readonly name: string;
  /** TTTT is the request's transaction id, SSSS the one before it. 1E61 is data nobody may believe. */
  readonly steps: readonly Step[];
  /** `right` is 000B 000C; anything else ends the connection, an exception apart. */
  readonly strict: "right" | "exception 2" | "malformed" | "closed" | "timeout";
  /** Stale replies counted. */
  readonly stale?: number;
  /** What modbus-serial alone makes of it: `wrong` data, or `silent` until its time-out. */
  readonly bare: "right" | "exception 2" | "wrong" | "refused" | "silent";
  /** modbus-serial alone hears no right reply on that connection any more. */
  readonly deafens?: true;
}

const RIGHT = "TTTT 0000 0007 01 03 04 000B 000C";
const STALE = "SSSS 0000 0007 01 03 04 1E61 1E61";

/** Every defect of facts/reliability.md B.3 and its kin, with what the strict link does about it. */
export const HOSTILE_REPLIES: readonly HostileReply[] = [
  { name: "the right reply", steps: [RIGHT], strict: "right", bare: "right" },
  {
    name: "an exception",
    steps: ["TTTT 0000 0003 01 83 02"],
    strict: "exception 2",
    bare: "exception 2",
  },
  { name: "silence", steps: [], strict: "timeout", bare: "silent" },
  {
    name: "the right reply byte by byte",
    steps: ["TTTT", "00", "00", "00", "07", "01", "03", "04", "00", "0B", "00", "0C"],
    strict: "right",
    bare: "right",
  },
  {
    name: "the right reply cut in the MBAP header",
    steps: ["TTTT 0000 00", "07 01 03 04 000B 000C"],
    strict: "right",
    bare: "right",
  },
  {
    name: "a stale reply before the right one",
    steps: [STALE, RIGHT],
    strict: "right",
    stale: 1,
    bare: "right",
  },
  {
    name: "stale and right in one segment",
    steps: [STALE + STALE + RIGHT],
    strict: "right",
    stale: 2,
    bare: "right",
  },
  {
    name: "a stale exception before the right reply",
    steps: ["SSSS 0000 0003 01 83 02", RIGHT],
    strict: "right",
    stale: 1,
    bare: "right",
  },
  {
    name: "15 stale replies before the right one",
    steps: [STALE.repeat(15), RIGHT],
    strict: "right",
    stale: 15,
    bare: "right",
  },
  {
    name: "16 stale replies before the right one",
    steps: [STALE.repeat(16), RIGHT],
    strict: "malformed",
    stale: 16,
    bare: "right",
  },
  {
    name: "a stale reply and nothing else",
    steps: [STALE],
    strict: "timeout",
    stale: 1,
    bare: "silent",
  },
  {
    name: "the same reply twice",
    steps: [RIGHT + "TTTT 0000 0007 01 03 04 1E61 1E61"],
    strict: "right",
    bare: "right",
  },
  {
    name: "protocol id 0x4242",
    steps: ["TTTT 4242 0007 01 03 04 1E61 1E61"],
    strict: "malformed",
    bare: "wrong",
  },
  {
    name: "protocol id 1 and no more bytes",
    steps: ["TTTT 0001"],
    strict: "malformed",
    bare: "silent",
    deafens: true,
  },
  {
    name: "MBAP length 0",
    steps: ["TTTT 0000 0000 01 03 04 1E61 1E61"],
    strict: "malformed",
    bare: "refused",
    deafens: true,
  },
  { name: "MBAP length 1", steps: ["TTTT 0000 0001 01"], strict: "malformed", bare: "refused" },
  { name: "MBAP length 2", steps: ["TTTT 0000 0002 01 83"], strict: "malformed", bare: "refused" },
  {
    name: "MBAP length 3 around two registers",
    steps: ["TTTT 0000 0003 01 03 04 1E61 1E61"],
    strict: "malformed",
    bare: "refused",
    deafens: true,
  },
  {
    name: "MBAP length one too small",
    steps: ["TTTT 0000 0006 01 03 04 1E61 1E61"],
    strict: "malformed",
    bare: "refused",
    deafens: true,
  },
  {
    name: "MBAP length one too large, with a byte to match",
    steps: ["TTTT 0000 0008 01 03 04 1E61 1E61 00"],
    strict: "malformed",
    bare: "refused",
  },
  {
    name: "MBAP length one too large",
    steps: ["TTTT 0000 0008 01 03 04 1E61 1E61"],
    strict: "timeout",
    bare: "silent",
    deafens: true,
  },
  {
    name: "MBAP length 254, the largest",
    steps: [`TTTT 0000 00FE 01 03 FB ${"1E".repeat(251)}`],
    strict: "malformed",
    bare: "refused",
  },
  {
    name: "MBAP length 255",
    steps: ["TTTT 0000 00FF 01 03 FC 1E61 1E61"],
    strict: "malformed",
    bare: "silent",
    deafens: true,
  },
  {
    name: "MBAP length 0xFFFF",
    steps: ["TTTT 0000 FFFF 01 03 04 1E61 1E61"],
    strict: "malformed",
    bare: "silent",
    deafens: true,
  },
  {
    name: "a frame that never ends",
    steps: ["TTTT 0000 0007 01 03 04 1E61"],
    strict: "timeout",
    bare: "silent",
    deafens: true,
  },
  { name: "half a header", steps: ["TTTT 00"], strict: "timeout", bare: "silent", deafens: true },
  {
    name: "one stray byte before the frame",
    steps: ["00 TTTT 0000 0007 01 03 04 1E61 1E61"],
    strict: "malformed",
    bare: "silent",
    deafens: true,
  },
  {
    name: "six stray zeros before the frame",
    steps: ["000000000000 TTTT 0000 0007 01 03 04 000B 000C"],
    strict: "malformed",
    bare: "right",
  },
  {
    name: "64 kB of ones",
    steps: ["FF".repeat(65_536)],
    strict: "malformed",
    bare: "silent",
    deafens: true,
  },
  {
    name: "64 kB of zeros",
    steps: ["00".repeat(65_536)],
    strict: "malformed",
    bare: "silent",
    deafens: true,
  },
  {
    name: "another unit id",
    steps: ["TTTT 0000 0007 02 03 04 1E61 1E61"],
    strict: "malformed",
    bare: "refused",
  },
  {
    name: "unit id 0",
    steps: ["TTTT 0000 0007 00 03 04 1E61 1E61"],
    strict: "malformed",
    bare: "refused",
  },
  {
    name: "another function",
    steps: ["TTTT 0000 0007 01 04 04 1E61 1E61"],
    strict: "malformed",
    bare: "refused",
  },
  {
    name: "an exception of another function",
    steps: ["TTTT 0000 0003 01 84 02"],
    strict: "malformed",
    bare: "refused",
  },
  {
    name: "an exception from another unit",
    steps: ["TTTT 0000 0003 02 83 02"],
    strict: "malformed",
    bare: "exception 2",
  },
  {
    name: "an exception with a byte too many",
    steps: ["TTTT 0000 0004 01 83 02 00"],
    strict: "malformed",
    bare: "exception 2",
  },
  {
    name: "an exception as long as the data",
    steps: ["TTTT 0000 0007 01 83 02 1E61 1E61"],
    strict: "malformed",
    bare: "exception 2",
  },
  {
    name: "byte count 2 before four bytes",
    steps: ["TTTT 0000 0007 01 03 02 1E61 1E61"],
    strict: "malformed",
    bare: "wrong",
  },
  {
    name: "byte count 0 before four bytes",
    steps: ["TTTT 0000 0007 01 03 00 1E61 1E61"],
    strict: "malformed",
    bare: "wrong",
  },
  {
    name: "byte count 3 before four bytes",
    steps: ["TTTT 0000 0007 01 03 03 1E61 1E61"],
    strict: "malformed",
    bare: "wrong",
  },
  {
    name: "byte count 200 before four bytes",
    steps: ["TTTT 0000 0007 01 03 C8 1E61 1E61"],
    strict: "malformed",
    bare: "refused",
  },
  {
    name: "one register instead of two",
    steps: ["TTTT 0000 0005 01 03 02 1E61"],
    strict: "malformed",
    bare: "refused",
  },
  {
    name: "three registers instead of two",
    steps: ["TTTT 0000 0009 01 03 06 1E61 1E61 1E61"],
    strict: "malformed",
    bare: "refused",
  },
  {
    name: "FIN instead of a reply",
    steps: ["FIN"],
    strict: "closed",
    bare: "silent",
    deafens: true,
  },
  {
    name: "FIN in the middle of the frame",
    steps: ["TTTT 0000 0007 01 03 04 1E61", "FIN"],
    strict: "closed",
    bare: "silent",
    deafens: true,
  },
  {
    name: "RST instead of a reply",
    steps: ["RST"],
    strict: "closed",
    bare: "silent",
    deafens: true,
  },
];
