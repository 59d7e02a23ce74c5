import assert from "node:assert/strict";
import { ModbusException, type ReadRequest, TransportError } from "../../lib/core/mod.ts";
import { exceptionOf, readPdu } from "../../lib/modbus/frame.ts";
import type { OpenLink } from "../../lib/modbus/link.ts";
import { type ReadHandler, serveModbus, Sessions } from "../../lib/modbus/mod.ts";
import { LinkOpener } from "../../lib/modbus/open.ts";
import { Chance } from "./chance.ts";
import { forever, OPTIONS } from "./loopback_sessions.ts";
import { serveBus, telling } from "./slow_bus.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const QUICK_MS = 25;
const QUICK = { ...OPTIONS, requestTimeoutMs: QUICK_MS };

const at = (port: number) => ({ scheme: "rtu+tcp", host: "127.0.0.1", port }) as const;

function expected(unitId: number, { functionCode, address, quantity }: ReadRequest): string {
  const pdu = Uint8Array.of(functionCode, address >> 8, address & 0xff, 0, quantity);
  return telling(unitId, pdu).subarray(2).toHex();
}

Deno.test("registers are read over RTU frames, each unit on its own", async () => {
  const handler: ReadHandler = (unitId, { functionCode, address, quantity }) => {
    if (unitId === 9) return undefined;
    if (address === 13) return 2;
    const pdu = Uint8Array.of(functionCode, address >> 8, address & 0xff, 0, quantity);
    return telling(unitId, pdu).subarray(2);
  };
  await using server = serveModbus({ hostname: "127.0.0.1", port: 0, scheme: "rtu+tcp" }, handler);
  using sessions = new Sessions(QUICK);
  const session = sessions.get(at(server.port));
  for (const unitId of [1, 2, 1]) {
    for (const quantity of [1, 2, 125]) {
      const request = { functionCode: 3, address: 256, quantity } as const;
      const bytes = await session.unit(unitId).readRegisters(request, forever);
      assert.equal(bytes.toHex(), expected(unitId, request));
    }
  }
  const refused = { functionCode: 4, address: 13, quantity: 1 } as const;
  await assert.rejects(session.unit(1).readRegisters(refused, forever), ModbusException);
  await assert.rejects(
    session.unit(9).readRegisters(refused, forever),
    (error) => error instanceof TransportError && error.fault === "timeout",
  );
});

Deno.test("a late reply of the same shape is never the answer to the next request", async () => {
  const lateness = [QUICK_MS * 1.5, 0, 0, 0];
  await using bus = serveBus((unitId, pdu) => ({
    pdu: telling(unitId, pdu),
    afterMs: lateness.shift() ?? 0,
  }));
  using sessions = new Sessions(QUICK);
  const [first, second] = [10, 20].map((address) =>
    ({ functionCode: 3, address, quantity: 2 }) as const
  );
  const unit = () => sessions.get(at(bus.port)).unit(1);
  await assert.rejects(unit().readRegisters(first ?? refuse(), forever), TransportError);
  // What was learned outlives the session.
  sessions.drop(at(bus.port));
  const bytes = await unit().readRegisters(second ?? refuse(), forever);
  assert.equal(bytes.toHex(), expected(1, second ?? refuse()));
  assert.deepEqual(bus.heard, ["1 03000a0002", "1 0300140001", "1 0300140002"]);
});

function refuse(): never {
  throw new Error("never");
}

/** Reads over one link after the other, without what a session learns of slow devices. */
class Reader implements Disposable {
  readonly #opener: LinkOpener;
  #link: OpenLink | undefined;

  constructor(port: number) {
    this.#opener = new LinkOpener(at(port));
  }

  async read(unitId: number, request: ReadRequest): Promise<string> {
    if (!this.#link?.isOpen) {
      const options = { transactionId: 0, timeoutMs: OPTIONS.connectTimeoutMs, signal: forever };
      this.#link = await this.#opener.open(options);
    }
    const reply = await this.#link.exchange({
      unitId,
      pdu: readPdu(request),
      timeoutMs: QUICK_MS,
      signal: forever,
      onStale() {},
    });
    const exception = exceptionOf(reply, unitId, request);
    if (exception) throw exception;
    return reply.subarray(2).toHex();
  }

  [Symbol.dispose](): void {
    this.#link?.close();
  }
}

Deno.test("whatever a bus does with its time, no value comes from another request", async () => {
  const chance = new Chance();
  const seen = { right: 0, timeout: 0, other: 0, exception: 0 };
  await using bus = serveBus((unitId, pdu) => {
    const isLost = chance.next() < 0.1;
    const isRefused = chance.next() < 0.1;
    const afterMs = chance.of(0, 0, 0, 2, QUICK_MS * 1.2, QUICK_MS * 2.2, QUICK_MS * 3.5);
    const answer = isRefused ? Uint8Array.of((pdu[0] ?? 0) | 0x80, 2) : telling(unitId, pdu);
    return { pdu: isLost ? undefined : answer, afterMs };
  });
  using reader = new Reader(bus.port);
  for (let round = 0; round < 120; round++) {
    const unitId = chance.of(1, 1, 2);
    // Two quantities only: a reply that is taken for another one would look right.
    const [address, quantity] = [chance.below(200), chance.of(1, 2)];
    const request = { functionCode: 3, address, quantity } as const;
    try {
      const got = await reader.read(unitId, request);
      if (got !== expected(unitId, request)) {
        throw chance.failure(round, `${got} for ${unitId} ${JSON.stringify(request)}`);
      }
      seen.right++;
    } catch (error) {
      if (error instanceof ModbusException) seen.exception++;
      else if (error instanceof TransportError) {
        seen[error.fault === "timeout" ? "timeout" : "other"]++;
      } else throw error;
    }
  }
  assert.ok(seen.right > 10 && seen.timeout > 10 && seen.exception > 0, JSON.stringify(seen));
});

Deno.test("a unit that never answers costs others time, and nothing else", async () => {
  await using bus = serveBus((unitId, pdu) => ({
    pdu: unitId === 2 ? undefined : telling(unitId, pdu),
    afterMs: 0,
  }));
  using sessions = new Sessions(QUICK);
  const request = { functionCode: 3, address: 7, quantity: 2 } as const;
  for (let i = 0; i < 4; i++) {
    // A session would ask a silent unit once a minute only.
    sessions.drop(at(bus.port));
    const session = sessions.get(at(bus.port));
    await assert.rejects(session.unit(2).readRegisters(request, forever), TransportError);
    const bytes = await session.unit(1).readRegisters(request, forever);
    assert.equal(bytes.toHex(), expected(1, request));
  }
  const toTwo = bus.heard.filter((line) => line.startsWith("2 ")).map((line) => line.slice(-4));
  assert.deepEqual(toTwo, ["0002", "0001", "0003", "0004"]);
});
