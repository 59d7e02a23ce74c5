import assert from "node:assert/strict";
import { ProtocolError } from "../../lib/core/mod.ts";
import { type Frame, readPdu } from "../../lib/modbus/frame.ts";
import { Chance } from "../modbus/chance.ts";
import type { FuzzedFraming, Outcome } from "./framings.ts";
import { Mutant } from "./mutant.ts";

/** How often each came about. */
export type FrameCounts = Record<Outcome, number>;

const MUTATIONS_PER_REPLY = 32;

/** How much of it is to be done. */
export interface FrameFuzz {
  readonly frames: number;
  readonly seed: number;
}

/**
 * Holds mutated replies against requests. Whatever is accepted must be, byte for byte, a frame that
 * answers just this request; everything else must be refused, stepped over or waited for.
 *
 * @throws {Error} naming round, seed and bytes
 */
export function fuzzFrames(framing: FuzzedFraming, { frames, seed }: FrameFuzz): FrameCounts {
  const chance = new Chance(seed);
  const counts = { accepted: 0, exceptions: 0, skipped: 0, refused: 0, waiting: 0 };
  const mutant = new Mutant(chance);
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    let request = anyRequest(chance);
    for (let round = 0; round < frames; round++) {
      // Making a reply costs more than taking one apart: each is mutated a few times.
      if (round % MUTATIONS_PER_REPLY === 0) {
        request = anyRequest(chance);
        mutant.become(framing, request);
      }
      const isRight = mutant.mutate();
      try {
        const outcome = feed(framing, request, mutant.bytes, counts);
        if (isRight && outcome !== "accepted") assert.fail("the right reply was not accepted");
      } catch (cause) {
        const where = `${framing.name}, round ${round} of seed ${seed}`;
        const asked = `unit ${request.unitId}, ${request.pdu.toHex()}`;
        throw new Error(`${where}: to ${asked} came ${mutant.bytes.toHex()}`, { cause });
      }
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return counts;
}

function anyRequest(chance: Chance): Frame {
  const functionCode = chance.next() < 0.5 ? 3 : 4;
  const quantity = 1 + chance.below(chance.next() < 0.8 ? 4 : 125);
  return {
    transactionId: chance.below(0x1_0000),
    unitId: chance.below(256),
    pdu: readPdu({ functionCode, address: chance.below(0xff00), quantity }),
  };
}

/** Takes replies out of the bytes as a link does, until one is the answer or the link would end. */
function feed(
  framing: FuzzedFraming,
  request: Frame,
  bytes: Uint8Array,
  counts: FrameCounts,
): Outcome {
  const count = (outcome: Outcome) => {
    counts[outcome]++;
    return outcome;
  };
  for (let at = 0; at < bytes.length;) {
    const rest = bytes.subarray(at);
    let taken;
    try {
      taken = framing.framing.take(rest, request);
    } catch (error) {
      if (error instanceof ProtocolError) return count("refused");
      throw error;
    }
    if (!taken) return count("waiting");
    const { end, pdu } = taken;
    if (!(end > 0 && end <= rest.length)) assert.fail(`${end} of ${rest.length} bytes taken`);
    if (pdu) {
      checkAnswer(framing, request, pdu, rest.subarray(0, end));
      return count(pdu.length === 2 ? "exceptions" : "accepted");
    }
    counts.skipped++;
    at += end;
  }
  return count("waiting");
}

/** What was accepted must be the answer to this very request, and stand so in the bytes. */
function checkAnswer(framing: FuzzedFraming, request: Frame, pdu: Uint8Array, taken: Uint8Array) {
  const functionCode = request.pdu[0] ?? 0;
  const byteCount = ((request.pdu[3] ?? 0) << 8 | (request.pdu[4] ?? 0)) * 2;
  const isException = pdu.length === 2 && pdu[0] === (functionCode | 0x80);
  const isData = pdu.length === 2 + byteCount && pdu[0] === functionCode && pdu[1] === byteCount;
  if (!isException && !isData) assert.fail(`accepted ${pdu.toHex()}`);
  const frame = framing.frame({ ...request, pdu });
  const noise = taken.length - frame.length;
  const isNoiseAllowed = framing.never.includes("refused");
  for (let i = 0; i < frame.length; i++) {
    const isSame = frame[i] === taken[noise + i] && (noise === 0 || isNoiseAllowed);
    if (!isSame) assert.fail(`accepted ${taken.toHex()} as ${frame.toHex()}`);
  }
}
