import assert from "node:assert/strict";
import { ProtocolError } from "../../lib/core/mod.ts";
import { Sessions } from "../../lib/modbus/mod.ts";
import type { UnitOptions } from "../../lib/modbus/session.ts";
import { HOSTILE_REPLIES } from "./hostile_replies.ts";
import {
  at,
  forever,
  JUNK,
  LONG_MS,
  OPTIONS,
  read,
  recordWaits,
  REQUEST,
  RIGHT,
  SHORT_MS,
  stopClock,
} from "./loopback_sessions.ts";
import { replaced } from "./replaced.ts";
import { serveScript, type Step } from "./scripted_server.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const BUSY = "TTTT 0000 0003 01 83 06";

Deno.test("a session gets over every hostile reply", async (t) => {
  for (const { name, steps, strict, stale = 0 } of HOSTILE_REPLIES) {
    await t.step(`${name}: ${strict}`, async () => {
      await using server = await serveScript(({ index }) => index === 0 ? steps : [RIGHT]);
      using sessions = new Sessions(OPTIONS);
      const session = sessions.get(at(server.port));
      const results: string[] = [];
      const observe = (result: string) => results.push(result);
      const requestTimeoutMs = strict === "timeout" ? SHORT_MS : LONG_MS;
      const want = strict === "right" ? "000b000c" : strict;
      assert.equal(await read(session.unit(1, { requestTimeoutMs, observe })), want);
      assert.equal(await read(session.unit(1, { observe })), "000b000c");
      const first = strict === "right" ? "ok" : strict.replace(" ", "_");
      assert.deepEqual(results, [...Array(stale).fill("stale_reply"), first, "ok"]);
      assert.equal(server.connections, first === "ok" || strict === "exception 2" ? 1 : 2);
    });
  }
});

Deno.test("an idle connection that ended is no error and is not counted", async (t) => {
  for (
    const [name, first, second] of [
      ["FIN while idle", [RIGHT, "FIN"], [RIGHT]],
      ["FIN on the next request", [RIGHT], ["FIN"]],
      ["RST on the next request", [RIGHT], ["RST"]],
    ] as const
  ) {
    await t.step(name, async () => {
      await using server = await serveScript(({ connection, index }): readonly Step[] =>
        connection > 0 ? [RIGHT] : index === 0 ? first : second
      );
      using sessions = new Sessions(OPTIONS);
      const results: string[] = [];
      const transport = sessions.get(at(server.port))
        .unit(1, { observe: (result) => results.push(result) });
      assert.equal(await read(transport), "000b000c");
      if (first.length > 1) await server.ended(0);
      assert.equal(await read(transport), "000b000c");
      assert.deepEqual(results, ["ok", "ok"]);
      assert.equal(server.connections, 2);
    });
  }
});

Deno.test("a device that ends every connection fails the request after one reconnect", async () => {
  await using server = await serveScript(({ index }) => index === 0 ? [RIGHT] : ["FIN"]);
  using sessions = new Sessions(OPTIONS);
  const results: string[] = [];
  const transport = sessions.get(at(server.port))
    .unit(1, { observe: (result) => results.push(result) });
  assert.equal(await read(transport), "000b000c");
  assert.equal(await read(transport), "closed");
  assert.equal(server.connections, 2);
  assert.equal(await read(transport), "closed");
  assert.equal(server.connections, 3);
  assert.deepEqual(results, ["ok", "closed", "closed"]);
});

/** A unit id behind which each request is answered by the next step; `seen` is how each ended. */
async function askScript(steps: readonly (readonly Step[])[], options: UnitOptions) {
  const server = await serveScript(({ index }) => steps[index] ?? []);
  const sessions = new Sessions(OPTIONS);
  const seen: string[] = [];
  const transport = sessions.get(at(server.port))
    .unit(1, { ...options, observe: (result) => seen.push(result) });
  const close = async () => {
    sessions[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  };
  return { server, transport, seen, [Symbol.asyncDispose]: close };
}

Deno.test("a request is tried again as often as it is worth it", async (t) => {
  for (
    const [name, steps, retryCount, want, results] of [
      ["junk, then right", [[JUNK], [RIGHT]], 2, "000b000c", "malformed ok"],
      [
        "junk three times",
        [[JUNK], [JUNK], [JUNK]],
        2,
        "malformed",
        "malformed malformed malformed",
      ],
      ["no retry", [[JUNK], [RIGHT]], 0, "malformed", "malformed"],
      ["closed, then right", [["FIN"], [RIGHT]], 1, "000b000c", "closed ok"],
      ["busy, then right", [[BUSY], [BUSY], [RIGHT]], 2, "000b000c", "exception_6 exception_6 ok"],
      [
        "busy for ever",
        [[BUSY], [BUSY], [BUSY]],
        2,
        "exception 6",
        "exception_6 exception_6 exception_6",
      ],
      ["acknowledged", [["TTTT 0000 0003 01 83 05"], [RIGHT]], 2, "000b000c", "exception_5 ok"],
      ["an address refused", [["TTTT 0000 0003 01 83 02"]], 2, "exception 2", "exception_2"],
      ["a device failure", [["TTTT 0000 0003 01 83 04"]], 2, "exception 4", "exception_4"],
      ["a gateway's failure", [["TTTT 0000 0003 01 83 0B"]], 2, "exception 11", "exception_11"],
    ] as const
  ) {
    await t.step(name, async () => {
      await using asking = await askScript(steps, { retryCount });
      const { server, transport, seen } = asking;
      assert.equal(await read(transport), want);
      assert.deepEqual(seen.join(" "), results);
      assert.equal(server.heard.length, seen.length);
    });
  }
});

Deno.test("who reads once has what may have been a moment's failure tried once more", async (t) => {
  const refused = (code: string): readonly Step[] => [`TTTT 0000 0003 01 83 ${code}`];
  for (
    const [name, steps, retryCount, want] of [
      ["a gateway's moment", [[RIGHT], refused("0B"), [RIGHT]], 2, "ok exception_11 ok"],
      ["no path for a moment", [[RIGHT], refused("0A"), [RIGHT]], 1, "ok exception_10 ok"],
      ["a device's moment", [refused("04"), [RIGHT]], 2, "exception_4 ok"],
      [
        "longer than that",
        [[RIGHT], refused("0B"), refused("0B"), [RIGHT]],
        2,
        "ok exception_11 exception_11",
      ],
      ["without further tries", [[RIGHT], refused("0B"), [RIGHT]], 0, "ok exception_11"],
      ["a unit id that never answered", [refused("0B"), [RIGHT]], 2, "exception_11"],
      ["refusals", [[RIGHT], refused("02"), [RIGHT]], 2, "ok exception_2"],
    ] as const
  ) {
    await t.step(name, async () => {
      await using asking = await askScript(steps, { retryCount, isReadOnce: true });
      const { transport, seen } = asking;
      const before = steps[0][0] === RIGHT ? [await read(transport)] : [];
      const last = await read(transport);
      assert.equal(seen.join(" "), want);
      assert.deepEqual(before, before.map(() => "000b000c"));
      assert.equal(last === "000b000c", want.endsWith("ok"), last);
    });
  }
});

Deno.test("retries wait longer and longer, half of it by chance", async (t) => {
  for (
    const [chance, want] of [
      [0, [50, 100, 200, 400, 500, 500]],
      [0.5, [75, 150, 300, 600, 750, 750]],
      [0.75, [87.5, 175, 350, 700, 875, 875]],
    ] as const
  ) {
    await t.step(`random() = ${chance}`, async () => {
      await using server = await serveScript(() => [JUNK]);
      using sessions = new Sessions({
        ...OPTIONS,
        retryCount: 6,
        retryBackoffMs: 100,
        retryMaxBackoffMs: 1000,
        random: () => chance,
      });
      const waits: number[] = [];
      using _recorded = recordWaits(waits);
      assert.equal(await read(sessions.get(at(server.port)).unit(1)), "malformed");
      assert.deepEqual(waits, want);
    });
  }
});

Deno.test("a dead endpoint's failure is shared until its backoff is over", async () => {
  await using server = await serveScript(() => [RIGHT]);
  using sessions = new Sessions({ ...OPTIONS, retryBackoffMs: 4000, retryMaxBackoffMs: 60_000 });
  const session = sessions.get(at(server.port));
  const connect = Deno.connect;
  let isDown = true;
  let tries = 0;
  using _flaky = replaced(Deno, "connect", (options: Deno.ConnectOptions) => {
    tries++;
    return isDown ? Promise.reject(new Deno.errors.ConnectionRefused()) : connect(options);
  });
  using clock = stopClock();
  for (
    const [passedMs, down, want, tried] of [
      [0, true, "refused", 1],
      [0, true, "refused", 1],
      [999, true, "refused", 1],
      [1, true, "refused", 2],
      [1999, false, "refused", 2],
      [1, false, "000b000c", 3],
      [0, false, "000b000c", 3],
    ] as const
  ) {
    clock.now += passedMs;
    isDown = down;
    const units = await Promise.all([1, 1, 1].map((unitId) => read(session.unit(unitId))));
    assert.deepEqual(units, [want, want, want]);
    assert.equal(tries, tried);
  }
});

Deno.test("a refused connection says what to look at", async () => {
  using sessions = new Sessions(OPTIONS);
  const seen: string[] = [];
  const connected = sessions.get(at(1)).connect(forever, (result) => seen.push(result));
  await assert.rejects(connected, {
    name: "NotConnectedError",
    fault: "refused",
    message: 'Cannot connect to "127.0.0.1:1": refused; is Modbus TCP switched on there, ' +
      "and no other client connected?",
  });
  assert.deepEqual(seen, ["refused"]);
});

Deno.test("a connection that is not answered is given up", async () => {
  using sessions = new Sessions({ ...OPTIONS, connectTimeoutMs: SHORT_MS });
  const session = sessions.get(at(502));
  using _silent = replaced(Deno, "connect", silent);
  await assert.rejects(session.connect(forever), {
    name: "NotConnectedError",
    fault: "timeout",
    message: `Cannot connect to "127.0.0.1:502": no answer within ${SHORT_MS} ms`,
  });
});

/** A host that drops what reaches it. */
function silent({ signal }: { readonly signal: AbortSignal }): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => reject(signal.reason));
  return promise;
}

Deno.test("a late reply never reaches the request after it", async () => {
  let late = "";
  await using server = await serveScript(({ index, transactionId }) => {
    if (index > 0) return [late, RIGHT];
    late = `${transactionId.toString(16).padStart(4, "0")} 0000 0007 01 03 04 1E61 1E61`;
    return [];
  });
  using sessions = new Sessions(OPTIONS);
  const session = sessions.get(at(server.port));
  const results: string[] = [];
  const observe = (result: string) => results.push(result);
  assert.equal(await read(session.unit(1, { requestTimeoutMs: SHORT_MS, observe })), "timeout");
  await server.ended(0);
  assert.equal(await read(session.unit(1, { observe })), "000b000c");
  assert.deepEqual(results, ["timeout", "stale_reply", "ok"]);
});

Deno.test("an abort ends a request, a wait and a queued request, and the next one works", async (t) => {
  const reason = new Error("stopped by the test");
  const asked = Promise.withResolvers<void>();
  await t.step("in flight", async () => {
    await using server = await serveScript(({ connection }) => {
      asked.resolve();
      return connection === 0 ? [] : [RIGHT];
    });
    using sessions = new Sessions({ ...OPTIONS, retryCount: 3 });
    const transport = sessions.get(at(server.port)).unit(1);
    const controller = new AbortController();
    const first = transport.readRegisters(REQUEST, controller.signal);
    const queued = transport.readRegisters(REQUEST, controller.signal);
    const failed = [assert.rejects(first, reason), assert.rejects(queued, reason)];
    await asked.promise;
    controller.abort(reason);
    await Promise.all(failed);
    assert.equal(await read(transport), "000b000c");
    assert.deepEqual(server.heard.map(({ connection }) => connection), [0, 1]);
  });
  await t.step("while it waits to try again", async () => {
    await using server = await serveScript(() => [JUNK]);
    using sessions = new Sessions({
      ...OPTIONS,
      retryCount: 3,
      retryBackoffMs: 600_000,
      retryMaxBackoffMs: 600_000,
    });
    const controller = new AbortController();
    const observe = () => queueMicrotask(() => controller.abort(reason));
    const transport = sessions.get(at(server.port)).unit(1, { observe });
    await assert.rejects(transport.readRegisters(REQUEST, controller.signal), reason);
    assert.equal(server.heard.length, 1);
  });
  await t.step("while it connects", async () => {
    using sessions = new Sessions(OPTIONS);
    const controller = new AbortController();
    using _silent = replaced(Deno, "connect", (options: { readonly signal: AbortSignal }) => {
      queueMicrotask(() => controller.abort(reason));
      return silent(options);
    });
    const transport = sessions.get(at(502)).unit(1);
    await assert.rejects(transport.readRegisters(REQUEST, controller.signal), reason);
  });
  await t.step("before it begins", async () => {
    await using server = await serveScript(() => [RIGHT]);
    using sessions = new Sessions(OPTIONS);
    const transport = sessions.get(at(server.port)).unit(1);
    await assert.rejects(transport.readRegisters(REQUEST, AbortSignal.abort(reason)), reason);
    assert.equal(server.connections, 0);
  });
});

Deno.test("a protocol error is a transport error that says what was wrong", async () => {
  await using server = await serveScript(() => [JUNK]);
  using sessions = new Sessions(OPTIONS);
  await assert.rejects(
    sessions.get(at(server.port)).unit(1).readRegisters(REQUEST, forever),
    (error) => error instanceof ProtocolError && /unit id 2 instead of 1/.test(error.message),
  );
});
