import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ProtocolError, type ReadRequest, TransportError } from "../../lib/core/mod.ts";
import { readPdu } from "../../lib/modbus/frame.ts";
import { type ByteStream, Link } from "../../lib/modbus/link.ts";
import { framings, type FuzzedFraming } from "../fuzz/framings.ts";
import { Chance } from "./chance.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ROUNDS = 40_000;
const { signal } = new AbortController();

interface Asked {
  readonly transactionId: number;
  readonly unitId: number;
  readonly request: ReadRequest;
}

function anyRequest(chance: Chance): Asked {
  const quantity = chance.of(1, 2, 50, 125, 1 + chance.below(125));
  return {
    transactionId: chance.of(0, 1, 0xffff, chance.below(0x1_0000)),
    unitId: chance.of(0, 1, 126, 255, chance.below(256)),
    request: { functionCode: chance.of(3, 4), address: chance.below(0xff00), quantity },
  };
}

function rightReply(
  { frame }: FuzzedFraming,
  { transactionId, unitId, request }: Asked,
  chance: Chance,
): Uint8Array {
  const { functionCode, quantity } = request;
  const pdu = chance.next() < 0.1
    ? Uint8Array.of(functionCode | 0x80, chance.below(256))
    : Uint8Array.of(functionCode, quantity * 2, ...chance.bytes(quantity * 2));
  return frame({ transactionId, unitId, pdu });
}

type Mutation = (bytes: Uint8Array, chance: Chance) => Uint8Array;

/** What can go wrong with bytes on their way; in the header more often than in the data. */
const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  (bytes) => bytes,
  (bytes, chance) => set(bytes, chance.below(10), chance.below(256)),
  (bytes, chance) => set(bytes, chance.below(10), chance.of(0, 1, 0x7f, 0x80, 0xff)),
  (bytes, chance) => set(bytes, chance.below(bytes.length), chance.below(256)),
  (bytes, chance) => {
    const at = chance.below(bytes.length);
    return set(bytes, at, (bytes[at] ?? 0) ^ 1 << chance.below(8));
  },
  (bytes, chance) => bytes.slice(0, chance.below(bytes.length)),
  (bytes, chance) => bytes.slice(chance.below(12)),
  (bytes, chance) => splice(bytes, chance.below(bytes.length), 1, chance.bytes(0)),
  (bytes, chance) =>
    splice(bytes, chance.below(bytes.length), 0, chance.bytes(1 + chance.below(8))),
  (bytes, chance) => Uint8Array.of(...chance.bytes(chance.below(600)), ...bytes),
  (bytes, chance) => Uint8Array.of(...bytes, ...chance.bytes(chance.below(600))),
  (bytes) => Uint8Array.of(...bytes, ...bytes),
  (bytes, chance) => Uint8Array.of(...set(bytes, 1, chance.below(256)), ...bytes),
  (bytes, chance) => chance.bytes(bytes.length),
];

function set(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = bytes.slice();
  changed[at] = value;
  return changed;
}

function splice(bytes: Uint8Array, at: number, count: number, more: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes.subarray(0, at), ...more, ...bytes.subarray(at + count));
}

/** Gives the bytes in pieces of any size, then the end. */
function streamOf(bytes: Uint8Array, chance: Chance): ByteStream {
  const asked = Promise.withResolvers<void>();
  let at = 0;
  return {
    async read(into) {
      await asked.promise;
      if (at >= bytes.length) return null;
      const count = Math.min(into.length, bytes.length - at, 1 + chance.below(into.length * 2));
      into.set(bytes.subarray(at, at + count));
      at += count;
      return count;
    },
    write(request) {
      asked.resolve();
      return Promise.resolve(request.length);
    },
    close: () => asked.resolve(),
  };
}

/** How a link can end a round. */
type Ending = "right" | "changed" | "exception" | "malformed" | "closed";

/** What never happens over a framing: only Modbus TCP says which request a reply is to. */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  "Modbus TCP": [],
  // A checksum lets changed data through by one chance in 65,536.
  "RTU over TCP": ["changed", "stale"],
  "serial RTU": ["changed", "stale", "malformed"],
};

for (const framing of framings) {
  Deno.test(`any bytes over ${framing.name} are the right data, an exception, or the end of the link`, async () => {
    const chance = new Chance();
    const seen = { right: 0, changed: 0, exception: 0, malformed: 0, closed: 0, stale: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      try {
        seen[await oneRound(framing, chance, () => seen.stale++)]++;
      } catch (cause) {
        throw chance.failure(round, cause);
      }
    }
    for (const [outcome, count] of Object.entries(seen)) {
      const isNever = NEVER[framing.name]?.includes(outcome);
      assert.ok(isNever ? count < 10 : count > ROUNDS / 1000, `${count} times ${outcome}`);
    }
  });
}

async function oneRound(
  framing: FuzzedFraming,
  chance: Chance,
  onStale: () => void,
): Promise<Ending> {
  const asked = anyRequest(chance);
  const right = rightReply(framing, asked, chance);
  const bytes = chance.of(...MUTATIONS)(right, chance);
  const stream = streamOf(bytes, chance);
  const link = new Link(stream, "test", asked.transactionId, framing.framing);
  const exchange = {
    unitId: asked.unitId,
    pdu: readPdu(asked.request),
    timeoutMs: 60_000,
    signal,
    onStale,
  };
  try {
    const reply = await link.exchange(exchange);
    checkAccepted(framing, asked, reply, bytes);
    if (reply.length === 2) return "exception";
    return Buffer.from(right).includes(Buffer.from(reply)) ? "right" : "changed";
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    assert.equal(link.isOpen, false);
    assert.ok(bytes !== right, "the right reply was refused");
    assert.equal(error.fault, error instanceof ProtocolError ? "malformed" : "closed");
    return error.fault === "closed" ? "closed" : "malformed";
  } finally {
    link.close();
  }
}

/** What was accepted must stand in the bytes as a frame that answers just this request. */
function checkAccepted(
  { frame }: FuzzedFraming,
  { transactionId, unitId, request }: Asked,
  pdu: Uint8Array,
  bytes: Uint8Array,
) {
  const { functionCode, quantity } = request;
  const isException = pdu.length === 2 && pdu[0] === (functionCode | 0x80);
  const isData = pdu.length === 2 + quantity * 2 && pdu[0] === functionCode &&
    pdu[1] === quantity * 2;
  assert.ok(isException || isData, `accepted ${pdu.toHex()}`);
  const right = Buffer.from(frame({ transactionId, unitId, pdu }));
  assert.ok(Buffer.from(bytes).includes(right), `accepted ${pdu.toHex()} of ${bytes.toHex()}`);
}
