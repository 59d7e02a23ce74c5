import assert from "node:assert/strict";
import { ModbusException, TransportError } from "../../lib/core/mod.ts";
import { type ReadHandler, serveModbus, Sessions } from "../../lib/modbus/mod.ts";
import { Chance } from "./chance.ts";
import { assertNeverWrong, expected, QUICK_MS, Reader, unreliable } from "./late_replies.ts";
import { forever, LONG_MS, OPTIONS } from "./loopback_sessions.ts";
import { serveBus, telling } from "./slow_bus.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const QUICK = { ...OPTIONS, requestTimeoutMs: QUICK_MS };

const at = (port: number) => ({ scheme: "rtu+tcp", host: "127.0.0.1", port }) as const;

Deno.test("registers are read over RTU frames, each unit on its own", async () => {
  const handler: ReadHandler = (unitId, { functionCode, address, quantity }) => {
    if (unitId === 9) return undefined;
    if (address === 13) return 2;
    const pdu = Uint8Array.of(functionCode, address >> 8, address & 0xff, 0, quantity);
    return telling(unitId, pdu).subarray(2);
  };
  await using server = serveModbus({ hostname: "127.0.0.1", port: 0, scheme: "rtu+tcp" }, handler);
  using sessions = new Sessions(OPTIONS);
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
    session.unit(9, { requestTimeoutMs: QUICK_MS }).readRegisters(refused, forever),
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
  const unit = (retryCount = 0) => sessions.get(at(bus.port)).unit(1, { retryCount });
  await assert.rejects(unit().readRegisters(first ?? refuse(), forever), TransportError);
  // What was learned outlives the session.
  sessions.drop(at(bus.port));
  // On a busy machine it comes later still, and breaks into the first try.
  const bytes = await unit(5).readRegisters(second ?? refuse(), forever);
  assert.equal(bytes.toHex(), expected(1, second ?? refuse()));
  assert.deepEqual(bus.heard.slice(0, 2), ["1 03000a0002", "1 0300140001"]);
  assert.equal(bus.heard.at(-1), "1 0300140002");
});

function refuse(): never {
  throw new Error("never");
}

/** An exception that came late was taken for the answer that says that a unit owes none. */
const LATE_EXCEPTION = 3_334_936_850;

Deno.test("whatever a bus does with its time, no value comes from another request", async () => {
  for (const chance of [new Chance(), new Chance(LATE_EXCEPTION)]) {
    await using bus = serveBus(unreliable(chance));
    using reader = new Reader(at(bus.port));
    await assertNeverWrong(reader, chance, 120);
  }
});

Deno.test("a unit that never answers costs others time, and nothing else", async () => {
  await using bus = serveBus((unitId, pdu) => ({
    pdu: unitId === 2 ? undefined : telling(unitId, pdu),
    afterMs: 0,
  }));
  using sessions = new Sessions(QUICK);
  const request = { functionCode: 3, address: 7, quantity: 2 } as const;
  const patient = { requestTimeoutMs: LONG_MS };
  for (let i = 0; i < 4; i++) {
    // A session would ask a silent unit once a minute only.
    sessions.drop(at(bus.port));
    const session = sessions.get(at(bus.port));
    await assert.rejects(session.unit(2).readRegisters(request, forever), TransportError);
    const bytes = await session.unit(1, patient).readRegisters(request, forever);
    assert.equal(bytes.toHex(), expected(1, request));
  }
  const toTwo = bus.heard.filter((line) => line.startsWith("2 ")).map((line) => line.slice(-4));
  assert.deepEqual(toTwo, ["0002", "0001", "0003", "0004"]);
});

Deno.test("a unit that owes a reply is asked for what it has served before", async () => {
  await using bus = serveBus((unitId, pdu) => ({
    pdu: pdu[2] === 100 ? undefined : telling(unitId, pdu),
    afterMs: 0,
  }));
  using sessions = new Sessions(QUICK);
  const unit = sessions.get(at(bus.port)).unit(1);
  const served = { functionCode: 3, address: 7, quantity: 2 } as const;
  await unit.readRegisters(served, forever);
  await assert.rejects(unit.readRegisters({ ...served, address: 100 }, forever), TransportError);
  const bytes = await unit.readRegisters({ ...served, address: 9 }, forever);
  assert.equal(bytes.toHex(), expected(1, { ...served, address: 9 }));
  assert.deepEqual(bus.heard, [
    "1 0300070002",
    "1 0300640002",
    "1 0300070001",
    "1 0300090002",
  ]);
});

Deno.test("a unit that drops large requests is still there for small ones", async () => {
  await using bus = serveBus((unitId, pdu) => ({
    pdu: (pdu[4] ?? 0) > 50 ? undefined : telling(unitId, pdu),
    afterMs: 0,
  }));
  using reader = new Reader(at(bus.port));
  const large = { functionCode: 3, address: 7, quantity: 125 } as const;
  const small = { functionCode: 3, address: 7, quantity: 50 } as const;
  for (let i = 0; i < 2; i++) await assert.rejects(reader.read(1, large, 300), TransportError);
  assert.equal(await reader.read(1, small, LONG_MS), expected(1, small));
  assert.deepEqual(bus.heard.map((line) => Number.parseInt(line.slice(-2), 16)), [
    ...[125, 1, 125],
    ...[1, 50],
  ]);
});
