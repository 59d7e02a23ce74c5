import assert from "node:assert/strict";
import { heartbeat } from "../../lib/compose/heartbeat.ts";
import { Calls, hungVital } from "../../lib/compose/vitals.ts";
import { FakeClock } from "../collect/fake_clock.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** A heart that beats until the end of the scope, with two vitals that are told how busy they are. */
function beating(clock: FakeClock, watchdogMs: number | undefined = 5000) {
  const stop = new AbortController();
  const busy = { polling: 0, delivery: 0 };
  const heard: string[] = [];
  const logged: string[] = [];
  const done = heartbeat({
    notifier: { notify: (...lines) => heard.push(...lines), watchdogMs, [Symbol.dispose]() {} },
    vitals: [
      { name: "polling", limitMs: 60_000, busyMs: () => busy.polling },
      { name: "the delivery", limitMs: 150_000, busyMs: () => busy.delivery },
    ],
    status: () => "all is well",
    observeLag() {},
    log: (_level, message) => logged.push(message),
  }, stop.signal);
  return {
    busy,
    logged,
    /** What was heard since the last time, as how often each. */
    take() {
      const lines = heard.splice(0);
      const count = (text: string) => lines.filter((line) => line === text).length;
      return { pings: count("WATCHDOG=1"), statuses: count("STATUS=all is well") };
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await clock.until(done);
      assert.equal(clock.timers, 0);
    },
  };
}

Deno.test("the watchdog is fed while all vitals make progress, and no longer", async () => {
  using clock = new FakeClock();
  await using heart = beating(clock);
  await clock.advance(60_000);
  assert.deepEqual(heart.take(), { pings: 12, statuses: 6 });
  for (const name of ["polling", "delivery"] as const) {
    const limit = { polling: 60_000, delivery: 150_000 }[name];
    heart.busy[name] = limit;
    await clock.advance(60_000);
    assert.deepEqual(heart.take(), { pings: 12, statuses: 6 }, "just in time");
    assert.deepEqual(heart.logged, []);

    heart.busy[name] = limit + 1;
    await clock.advance(60_000);
    assert.deepEqual(heart.take(), { pings: 0, statuses: 6 });
    assert.equal(heart.logged.splice(0).length, 1, "it is told of once");

    heart.busy[name] = 0;
    await clock.advance(60_000);
    assert.deepEqual(heart.take(), { pings: 12, statuses: 6 }, "it came back to life");
  }
});

Deno.test("without a watchdog only the status is told", async () => {
  using clock = new FakeClock();
  const stop = new AbortController();
  const heard: string[] = [];
  const done = heartbeat({
    notifier: {
      notify: (...lines) => heard.push(...lines),
      watchdogMs: undefined,
      [Symbol.dispose]() {},
    },
    vitals: [],
    status: () => "fine",
    observeLag() {},
    log() {},
  }, stop.signal);
  await clock.advance(10_000);
  stop.abort();
  await clock.until(done);
  assert.deepEqual(heard, ["STATUS=fine"]);
});

Deno.test("calls are as old as the oldest that has not come back, however they end", async () => {
  using clock = new FakeClock();
  const calls = new Calls();
  assert.equal(calls.busyMs, 0);
  const [first, second] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  const [one, two] = [calls.track(first.promise), calls.track(second.promise)];
  await clock.advance(100);
  const third = calls.track(new Promise(() => {}));
  await clock.advance(50);
  assert.equal(calls.busyMs, 150);
  first.resolve(7);
  assert.equal(await one, 7);
  assert.equal(calls.busyMs, 150);
  second.reject(new Error("full"));
  await assert.rejects(two, /full/);
  assert.equal(calls.busyMs, 50);
  assert.ok(third instanceof Promise);
  const vital = { name: "the buffer", limitMs: 49, busyMs: () => calls.busyMs };
  assert.equal(hungVital([vital])?.name, "the buffer");
  assert.equal(hungVital([{ ...vital, limitMs: 50 }]), undefined);
});
