/**
 * modbus-serial, which is not ours, as a witness: it answers our session and asks our server.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import modbusSerial from "modbus-serial";
import { type ReadHandler, serveModbus, Sessions } from "../../lib/modbus/mod.ts";
import { at, OPTIONS, read } from "./loopback_sessions.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** What the register at an address of a unit holds, by its kind. */
function held(functionCode: number, unitId: number, address: number): number {
  return (functionCode * 0x1000 + unitId * 0x100 + address * 7) % 0x1_0000;
}

function words(functionCode: number, unitId: number, address: number, quantity: number): number[] {
  return Array.from({ length: quantity }, (_, i) => held(functionCode, unitId, address + i));
}

function bytesOf(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 2));
  for (const [i, value] of values.entries()) view.setUint16(i * 2, value);
  return new Uint8Array(view.buffer);
}

const READS = [
  [3, 1, 0, 1],
  [4, 1, 0, 1],
  [3, 2, 40_000, 125],
  [4, 200, 65_411, 125],
  [3, 247, 65_535, 1],
] as const;

Deno.test("our session reads what modbus-serial serves", async () => {
  const server = new modbusSerial.ServerTCP({
    getHoldingRegister: (address: number, unitId: number) => held(3, unitId, address),
    getInputRegister: (address: number, unitId: number) => held(4, unitId, address),
  }, { host: "127.0.0.1", port: 0, unitID: 255 });
  const closed = Promise.withResolvers<void>();
  try {
    await once(server, "initialized");
    const { port } = Reflect.get(server, "_server").address();
    using sessions = new Sessions(OPTIONS);
    for (const [functionCode, unitId, address, quantity] of READS) {
      const got = await read(sessions.get(at(port)).unit(unitId), {
        functionCode,
        address,
        quantity,
      });
      const want = bytesOf(words(functionCode, unitId, address, quantity)).toHex();
      assert.equal(got, want);
    }
  } finally {
    server.close(() => closed.resolve());
  }
  await closed.promise;
});

Deno.test("modbus-serial reads what our server serves", async () => {
  const handler: ReadHandler = (unitId, { functionCode, address, quantity }) =>
    bytesOf(words(functionCode, unitId, address, quantity));
  await using server = serveModbus({ hostname: "127.0.0.1", port: 0 }, handler);
  const client = new modbusSerial.default();
  const closed = Promise.withResolvers<void>();
  await client.connectTCP("127.0.0.1", { port: server.port });
  try {
    for (const [functionCode, unitId, address, quantity] of READS) {
      client.setID(unitId);
      const { data } = await (functionCode === 3
        ? client.readHoldingRegisters(address, quantity)
        : client.readInputRegisters(address, quantity));
      assert.deepEqual(data, words(functionCode, unitId, address, quantity));
    }
  } finally {
    client.close(() => closed.resolve());
  }
  await closed.promise;
});
