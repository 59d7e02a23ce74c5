import assert from "node:assert/strict";
import { type ModbusServer, type ReadHandler, serveModbus } from "../../lib/modbus/mod.ts";
import { fromHex } from "./hex.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** Register n of unit u holds u × 256 + n; 13 to 15 are refused, unit 9 is behind a dead gateway. */
const handler: ReadHandler = (unitId, { functionCode, address, quantity }) => {
  if (unitId === 9) return 11;
  if (functionCode === 4) return fromHex("0004".repeat(quantity));
  if (address < 16 && address + quantity > 13) return 2;
  const bytes = new DataView(new ArrayBuffer(quantity * 2));
  for (let i = 0; i < quantity; i++) bytes.setUint16(i * 2, unitId * 256 + address + i);
  return new Uint8Array(bytes.buffer);
};

function connect({ hostname, port }: ModbusServer): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname, port });
}

/** Sends pieces, and gives as many bytes as are wanted, or fewer when the server closes. */
async function talk(connection: Deno.Conn, pieces: readonly string[], wanted: number) {
  for (const piece of pieces) await connection.write(fromHex(piece));
  const bytes = new Uint8Array(wanted);
  let held = 0;
  while (held < wanted) {
    const count = await connection.read(bytes.subarray(held)).catch(() => null);
    if (count === null) break;
    held += count;
  }
  return bytes.subarray(0, held).toHex().toUpperCase();
}

Deno.test("a server answers reads and refuses the rest as Modbus says", async () => {
  await using server = serveModbus(LOOPBACK, handler);
  using connection = await connect(server);
  for (
    const [request, reply] of [
      ["0001 0000 0006 01 03 0000 0002", "0001 0000 0007 01 03 04 0100 0101"],
      ["FFFF 0000 0006 02 03 0001 0001", "FFFF 0000 0005 02 03 02 0201"],
      ["0002 0000 0006 01 04 0000 0002", "0002 0000 0007 01 04 04 0004 0004"],
      ["0003 0000 0006 01 03 000C 0002", "0003 0000 0003 01 83 02"],
      ["0003 0000 0006 09 04 0000 0001", "0003 0000 0003 09 84 0B"],
      ["0004 0000 0006 01 03 0000 0000", "0004 0000 0003 01 83 03"],
      ["0004 0000 0006 01 03 0000 007E", "0004 0000 0003 01 83 03"],
      ["0005 0000 0006 01 06 0000 0001", "0005 0000 0003 01 86 01"],
      ["0005 0000 0006 01 01 0000 0001", "0005 0000 0003 01 81 01"],
      ["0006 0000 0005 01 2B 0E 01 00", "0006 0000 0003 01 AB 01"],
      ["0007 0000 0005 01 03 0000 00", "0007 0000 0003 01 83 03"],
      ["0007 0000 0007 01 03 0000 0001 00", "0007 0000 0003 01 83 03"],
    ] as const
  ) {
    const want = reply.replaceAll(" ", "");
    assert.equal(await talk(connection, [request], want.length / 2), want, request);
  }
});

Deno.test("a server serves the largest read", async () => {
  await using server = serveModbus(LOOPBACK, handler);
  using connection = await connect(server);
  const reply = await talk(connection, ["0001 0000 0006 01 03 1000 007D"], 259);
  assert.equal(reply.slice(0, 18), "0001000000FD0103FA");
  assert.equal(reply.slice(-4), (256 + 0x1000 + 124).toString(16).toUpperCase().padStart(4, "0"));
});

Deno.test("requests may come in pieces, or several at once", async () => {
  await using server = serveModbus(LOOPBACK, handler);
  using connection = await connect(server);
  const request = "0001 0000 0006 01 03 0000 0001";
  const reply = "0001000000050103020100";
  const bytes = request.replaceAll(" ", "").match(/../g) ?? [];
  assert.equal(await talk(connection, bytes, 11), reply);
  assert.equal(await talk(connection, [request.repeat(500)], 11 * 500), reply.repeat(500));
  assert.equal(
    await talk(connection, [`${request}0002 00`, "00 0006 01 04 0000 0001"], 22),
    [
      reply,
      "0002000000050104020004",
    ].join(""),
  );
});

Deno.test("a client that breaks the protocol ends its own connection only", async () => {
  await using server = serveModbus(LOOPBACK, handler);
  using good = await connect(server);
  for (
    const junk of [
      "0001 0001 0006 01 03 0000 0001",
      "0001 0000 0000 01 03 0000 0001",
      "0001 0000 FFFF 01 03 0000 0001",
      "FF".repeat(5000),
    ]
  ) {
    using bad = await connect(server);
    assert.equal(await talk(bad, [junk], 1), "", junk.slice(0, 40));
    const reply = await talk(good, ["0001 0000 0006 01 03 0000 0001"], 11);
    assert.equal(reply, "0001000000050103020100");
  }
});

Deno.test("a handler that throws ends one connection only", async () => {
  await using server = serveModbus(LOOPBACK, (unitId, request) => {
    if (unitId === 13) throw new Error("a fault on request");
    return handler(unitId, request);
  });
  using bad = await connect(server);
  assert.equal(await talk(bad, ["0001 0000 0006 0D 03 0000 0001"], 1), "");
  using good = await connect(server);
  const reply = await talk(good, ["0001 0000 0006 01 03 0000 0001"], 11);
  assert.equal(reply, "0001000000050103020100");
});

Deno.test("closing a server ends its connections and gives its port back", async () => {
  const server = serveModbus(LOOPBACK, handler);
  using idle = await connect(server);
  using busy = await connect(server);
  await talk(busy, ["0001 0000 0006 01 03 0000 0001"], 11);
  await server[Symbol.asyncDispose]();
  for (const connection of [idle, busy]) assert.equal(await talk(connection, [], 1), "");
  await assert.rejects(connect(server), Deno.errors.ConnectionRefused);
});
