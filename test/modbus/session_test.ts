import assert from "node:assert/strict";
import { Sessions } from "../../lib/modbus/mod.ts";
import { wordHex } from "./hex.ts";
import {
  at,
  forever,
  JUNK,
  OPTIONS,
  read,
  recordWaits,
  RIGHT,
  stopClock,
} from "./loopback_sessions.ts";
import { replaced } from "./replaced.ts";
import { serveScript } from "./scripted_server.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("the units of an endpoint share one connection, one request in flight", async () => {
  let unanswered = 0;
  await using server = await serveScript(async ({ unitId }) => {
    assert.equal(++unanswered, 1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    unanswered--;
    return [`TTTT 0000 0007 0${unitId} 03 04 000${unitId} 000C`];
  });
  using sessions = new Sessions(OPTIONS);
  const session = sessions.get(at(server.port));
  const units = [1, 2, 3, 1, 2, 3, 3, 2, 1];
  const replies = await Promise.all(units.map((unitId) => read(session.unit(unitId))));
  assert.deepEqual(replies, units.map((unitId) => `000${unitId}000c`));
  assert.deepEqual(server.heard.map(({ unitId }) => unitId), units);
  assert.equal(server.connections, 1);
});

Deno.test("a session sends what was asked, and refuses what Modbus does not have", async () => {
  await using server = await serveScript(({ pdu }) => {
    const quantity = pdu[4] ?? 0;
    const head = wordHex(quantity * 2 + 3) + "01" + pdu.slice(0, 1).toHex();
    return [`TTTT 0000 ${head} ${wordHex(quantity * 2).slice(2)} ${"0007".repeat(quantity)}`];
  });
  using sessions = new Sessions(OPTIONS);
  const transport = sessions.get(at(server.port)).unit(1);
  for (
    const [functionCode, address, quantity, pdu] of [
      [3, 0, 1, "0300000001"],
      [4, 0x1234, 2, "0412340002"],
      [3, 40_000, 125, "039c40007d"],
      [4, 65_535, 1, "04ffff0001"],
      [3, 65_411, 125, "03ff83007d"],
    ] as const
  ) {
    const want = "0007".repeat(quantity);
    assert.equal(await read(transport, { functionCode, address, quantity }), want);
    assert.equal(server.heard.at(-1)?.pdu.toHex(), pdu);
  }
  const sent = server.heard.length;
  for (
    const [address, quantity] of [
      [0, 0],
      [0, 126],
      [0, 300],
      [0, 1.5],
      [0, Number.NaN],
      [-1, 1],
      [0.5, 1],
      [65_536, 1],
      [65_535, 2],
    ] as const
  ) {
    const request = { functionCode: 3, address, quantity } as const;
    await assert.rejects(transport.readRegisters(request, forever), RangeError);
  }
  assert.equal(server.heard.length, sent);
});

Deno.test("a pause between two requests is kept, whichever units they are for", async () => {
  await using server = await serveScript(({ unitId }) => [
    `TTTT 0000 0007 0${unitId} 03 04 000B 000C`,
  ]);
  using sessions = new Sessions({ ...OPTIONS, interReadDelayMs: 500 });
  const session = sessions.get(at(server.port));
  const waits: number[] = [];
  using _recorded = recordWaits(waits);
  using clock = stopClock();
  for (const [unitId, passedMs] of [[1, 0], [1, 0], [2, 120], [2, 500], [1, 499]] as const) {
    clock.now += passedMs;
    assert.equal(await read(session.unit(unitId)), "000b000c");
  }
  assert.deepEqual(waits, [500, 380, 1]);
});

Deno.test("transaction ids begin anywhere, wrap at 16 bits and survive reconnects", async () => {
  await using server = await serveScript(({ index }) => index % 2 === 0 ? [RIGHT] : [JUNK]);
  using sessions = new Sessions({ ...OPTIONS, random: () => 0xfffd / 0x1_0000 });
  const transport = sessions.get(at(server.port)).unit(1);
  for (let i = 0; i < 6; i++) await read(transport);
  assert.equal(server.connections, 3);
  const ids = server.heard.map(({ transactionId }) => transactionId);
  assert.deepEqual(ids, [0xfffd, 0xfffe, 0xffff, 0, 1, 2]);
});

Deno.test("a released session gives its connection back when nobody asks", async () => {
  await using server = await serveScript(() => [RIGHT]);
  using sessions = new Sessions({ ...OPTIONS, session: "release" });
  const transport = sessions.get(at(server.port)).unit(1);
  const together = await Promise.all([read(transport), read(transport), read(transport)]);
  assert.deepEqual(together, ["000b000c", "000b000c", "000b000c"]);
  assert.equal(server.connections, 1);
  await server.ended(0);
  assert.equal(transport.connections?.(), 1);
  assert.equal(await read(transport), "000b000c");
  assert.equal(transport.connections?.(), 2);
  assert.equal(server.connections, 2);
  await server.ended(1);
});

Deno.test("a closed session fails what is in flight and everything after it", async (t) => {
  for (const session of ["hold", "release"] as const) {
    await t.step(session, async () => {
      const asked = Promise.withResolvers<void>();
      await using server = await serveScript(() => {
        asked.resolve();
        return [];
      });
      using sessions = new Sessions({ ...OPTIONS, session, retryCount: 3 });
      const endpoint = at(server.port);
      const transport = sessions.get(endpoint).unit(1);
      const pending = read(transport);
      await asked.promise;
      sessions.drop(endpoint);
      assert.equal(await pending, "closed");
      assert.equal(await read(transport), "closed");
      await server.ended(0);
      assert.equal(server.connections, 1);
    });
  }
});

Deno.test("a session that is closed while it connects leaves no connection behind", async () => {
  await using server = await serveScript(() => [RIGHT]);
  using sessions = new Sessions(OPTIONS);
  const session = sessions.get(at(server.port));
  const connect = Deno.connect;
  using _closing = replaced(Deno, "connect", (options: Deno.ConnectOptions) => {
    session.close();
    return connect(options);
  });
  assert.equal(await read(session.unit(1)), "closed");
  assert.equal(server.heard.length, 0);
});

Deno.test("there is one session for an endpoint, however it is written", () => {
  using sessions = new Sessions(OPTIONS);
  const [one, other] = [at(502), at(503)];
  assert.equal(sessions.has(one), false);
  const session = sessions.get(one);
  assert.equal(sessions.get({ ...one }), session);
  assert.notEqual(sessions.get(other), session);
  assert.equal(session.endpoint, "127.0.0.1:502");
  assert.equal(session.unit(7).unitId, 7);
  assert.equal(session.unit(7).endpoint, "127.0.0.1:502");
  sessions.drop(one);
  assert.deepEqual([sessions.has(one), sessions.has(other)], [false, true]);
});

Deno.test("a device that is not ready when it accepts a connection is given time, and remembered", async () => {
  const connectedAt: number[] = [];
  await using server = await serveScript(({ connection }) => {
    const isFirst = connectedAt[connection] === undefined;
    connectedAt[connection] ??= performance.now();
    return isFirst && connectedAt.length < 3 ? [] : [RIGHT];
  });
  const learned: string[] = [];
  const onLearned = (endpoint: string, kind: string, ms: number) =>
    learned.push(`${endpoint} ${kind} ${ms}`);
  using sessions = new Sessions({ ...OPTIONS, requestTimeoutMs: 300, retryCount: 2, onLearned });
  const session = sessions.get(at(server.port));
  assert.equal(await read(session.unit(1)), "000b000c");
  assert.deepEqual(learned, [`127.0.0.1:${server.port} connect 500`]);
  assert.deepEqual(session.pauses, { connectMs: 500, readMs: 0 });
});

Deno.test("a device that loses requests right after an answer is asked more slowly", async () => {
  let pauseMs = 0;
  const used = new Set<number>();
  // The second request on each connection is lost, until there is a pause before it.
  await using server = await serveScript(({ connection }): readonly string[] => {
    const isLost = used.has(connection) && pauseMs === 0;
    used.add(connection);
    return isLost ? [] : [RIGHT];
  });
  using sessions = new Sessions({
    ...OPTIONS,
    requestTimeoutMs: 300,
    retryCount: 2,
    onLearned: (_endpoint, _kind, ms) => pauseMs = ms,
  });
  const session = sessions.get(at(server.port));
  for (let i = 0; i < 50 && pauseMs === 0; i++) await read(session.unit(1));
  assert.deepEqual(session.pauses, { connectMs: 0, readMs: 50 });
  const heard = server.heard.length;
  for (let i = 0; i < 3; i++) assert.equal(await read(session.unit(1)), "000b000c");
  assert.equal(server.heard.length, heard + 3, "none is lost any more");
});
