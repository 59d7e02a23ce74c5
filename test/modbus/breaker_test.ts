import assert from "node:assert/strict";
import { ModbusException, ProtocolError, TransportError } from "../../lib/core/mod.ts";
import { Sessions } from "../../lib/modbus/mod.ts";
import { Breaker } from "../../lib/modbus/breaker.ts";
import { at, forever, OPTIONS, read, REQUEST, stopClock } from "./loopback_sessions.ts";
import { serveScript, type Step } from "./scripted_server.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const silence = new TransportError("no answer", "timeout");

/** What becomes of a unit id: asked as usual, once, or not at all. */
function asked(breaker: Breaker, unitId: number, now: number): string {
  try {
    return breaker.check(unitId, now);
  } catch (error) {
    assert.ok(error instanceof TransportError && error.fault === "timeout");
    return "no";
  }
}

Deno.test("a unit id that does not answer is asked once a minute while its neighbours answer", () => {
  const breaker = new Breaker("192.0.2.7:502");
  for (const unitId of [1, 2]) breaker.answered(unitId);
  breaker.failed(2, silence, 0);
  assert.equal(asked(breaker, 2, 1), "usual", "once may be chance");
  breaker.failed(2, silence, 10);
  for (
    const [now, want] of [[11, "no"], [60_009, "no"], [60_010, "once"], [60_011, "no"]] as const
  ) {
    assert.equal(asked(breaker, 2, now), want, String(now));
  }
  breaker.failed(2, silence, 61_000);
  assert.deepEqual([120_999, 121_000].map((now) => asked(breaker, 2, now)), ["no", "once"]);
  assert.equal(asked(breaker, 1, 120_999), "usual");
  breaker.answered(2);
  assert.equal(asked(breaker, 2, 121_001), "usual");
});

Deno.test("a unit id that never answered gets no second chance; one without neighbours all", () => {
  const breaker = new Breaker("192.0.2.7:502");
  breaker.failed(5, silence, 0);
  breaker.failed(5, silence, 0);
  assert.equal(asked(breaker, 5, 1), "usual");
  breaker.answered(1);
  assert.equal(asked(breaker, 5, 1), "no");
  breaker.failed(6, new ModbusException(11, "a request"), 0);
  assert.equal(asked(breaker, 6, 1), "no");
  breaker.failed(1, silence, 0);
  assert.equal(asked(breaker, 5, 1), "usual", "nobody there answers any more");
});

Deno.test("when a gateway is back, all its unit ids are asked again at once", () => {
  const breaker = new Breaker("192.0.2.7:502");
  for (const unitId of [1, 2, 3]) breaker.answered(unitId);
  for (let i = 0; i < 5; i++) {
    for (const unitId of [1, 2, 3]) breaker.failed(unitId, silence, i);
  }
  breaker.answered(2);
  assert.deepEqual([1, 2, 3].map((unitId) => asked(breaker, unitId, 10)), Array(3).fill("usual"));
  breaker.failed(3, silence, 11);
  breaker.failed(3, silence, 12);
  assert.equal(asked(breaker, 3, 13), "no", "it is not the gateway");
});

Deno.test("only silence counts", () => {
  for (
    const error of [
      new ModbusException(2, "a request"),
      new ModbusException(6, "a request"),
      new TransportError("refused", "refused"),
      new TransportError("closed", "closed"),
      new ProtocolError("wrong"),
    ]
  ) {
    const breaker = new Breaker("192.0.2.7:502");
    breaker.answered(1);
    for (let i = 0; i < 5; i++) breaker.failed(2, error, 0);
    assert.equal(asked(breaker, 2, 1), "usual", String(error));
  }
});

Deno.test("behind a gateway, neighbours wait for one probe a minute of a unit id that is gone", async () => {
  const answer = (unitId: number) => `TTTT 0000 0007 0${unitId} 03 04 000B 000C`;
  let isBack = false;
  await using server = await serveScript(({ unitId }): readonly Step[] =>
    unitId !== 2 || isBack ? [answer(unitId)] : []
  );
  using sessions = new Sessions({ ...OPTIONS, requestTimeoutMs: 300, retryCount: 2 });
  const session = sessions.get(at(server.port));
  const heard = (unit: number) => server.heard.filter(({ unitId }) => unitId === unit).length;
  assert.equal(await read(session.unit(1)), "000b000c");
  assert.equal(await read(session.unit(2)), "timeout");
  assert.equal(heard(2), 3, "as often as any other");
  for (let i = 0; i < 5; i++) {
    assert.equal(await read(session.unit(2)), "timeout");
    assert.equal(await read(session.unit(1)), "000b000c");
  }
  assert.equal(heard(2), 3);
  await assert.rejects(session.unit(2).readRegisters(REQUEST, forever), /asked once a minute/);
  using clock = stopClock();
  assert.equal(await read(session.unit(2)), "timeout");
  assert.equal(heard(2), 4, "one probe, no further tries");
  isBack = true;
  assert.equal(await read(session.unit(2)), "timeout");
  clock.now += 60_000;
  assert.equal(await read(session.unit(2)), "000b000c");
  assert.equal(await read(session.unit(2)), "000b000c");
  assert.equal(heard(2), 6);
});
