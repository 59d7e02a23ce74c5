/**
 * What modbus-serial does without the strict link: the sensitivity check of link_test.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import modbusSerial from "modbus-serial";
import { HOSTILE_REPLIES } from "./hostile_replies.ts";
import { type ScriptedServer, serveScript } from "./scripted_server.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const RIGHT = "TTTT 0000 0007 01 03 04 000B 000C";
/** For what is expected to stay silent, and for what is expected to answer. */
const SHORT_MS = 30;
const LONG_MS = 20_000;

type Bare = InstanceType<typeof modbusSerial.default>;

async function connect({ port }: ScriptedServer): Promise<Bare> {
  const client = new modbusSerial.default();
  client.on("error", () => {});
  await client.connectTCP("127.0.0.1", { port });
  client.setID(1);
  return client;
}

async function outcome(client: Bare, timeoutMs: number): Promise<string> {
  client.setTimeout(timeoutMs);
  try {
    const { data } = await client.readHoldingRegisters(0, 2);
    return data.join() === "11,12" ? "right" : "wrong";
  } catch (error) {
    const code = Reflect.get(Object(error), "modbusCode");
    if (typeof code === "number") return `exception ${code}`;
    const message = String(Reflect.get(Object(error), "message"));
    return /Timed out|Port Not Open/.test(message) ? "silent" : "refused";
  }
}

Deno.test("modbus-serial alone believes, misses or never gets over hostile replies", async (t) => {
  for (const { name, steps, bare, deafens } of HOSTILE_REPLIES) {
    await t.step(`${name}: ${bare}${deafens ? " and deaf" : ""}`, async () => {
      await using server = await serveScript(({ index }) => index === 0 ? steps : [RIGHT]);
      const client = await connect(server);
      assert.equal(await outcome(client, bare === "silent" ? SHORT_MS : LONG_MS), bare);
      if (deafens) assert.equal(await outcome(client, SHORT_MS), "silent");
      else assert.equal(await outcome(client, LONG_MS), "right");
      client.destroy(() => {});
    });
  }
});

Deno.test("modbus-serial alone believes a reply that is 256 requests late", async () => {
  await using server = await serveScript(({ index, transactionId }) => {
    assert.equal(transactionId, (index + 1) % 256);
    if (index === 0) return [];
    return index === 256 ? ["0001 0000 0007 01 03 04 1E61 1E61", RIGHT] : [RIGHT];
  });
  const client = await connect(server);
  assert.equal(await outcome(client, SHORT_MS), "silent");
  for (let i = 1; i < 256; i++) assert.equal(await outcome(client, LONG_MS), "right");
  assert.equal(await outcome(client, LONG_MS), "wrong");
  client.destroy(() => {});
});

Deno.test("modbus-serial alone sends requests that Modbus does not have", async () => {
  await using server = await serveScript(() => ["TTTT 0000 0003 01 83 03"]);
  const client = await connect(server);
  client.setTimeout(LONG_MS);
  for (const quantity of [0, 126, 300]) {
    await assert.rejects(client.readHoldingRegisters(0, quantity), /exception 3/);
    const { pdu } = server.heard.at(-1) ?? assert.fail("no request came");
    assert.equal(new DataView(pdu.buffer, pdu.byteOffset).getUint16(3), quantity);
  }
  client.destroy(() => {});
});
