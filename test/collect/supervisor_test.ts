import assert from "node:assert/strict";
import { type PollTarget, Supervisor } from "../../lib/collect/mod.ts";
import { FakeClock } from "./fake_clock.ts";
import { hang, identity, type Script, ScriptedDevice, TARGET } from "./scripted_device.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const OTHER: PollTarget = { ...TARGET, place: "192.0.2.8:502/1" };

/** A supervisor whose devices are scripted by their place, at work until the end of the scope. */
function running(clock: FakeClock, scripts: Readonly<Record<string, Script>> = {}) {
  const devices: ScriptedDevice[] = [];
  const resets: string[] = [];
  const stop = new AbortController();
  const supervisor = new Supervisor({
    portsOf(target) {
      const device = new ScriptedDevice(clock);
      device.identity = identity(`device at ${target.place}`);
      device.script = scripts[target.place] ?? {};
      devices.push(device);
      return device.ports;
    },
    reset: (target) => resets.push(target.place),
    log() {},
  });
  const done = supervisor.run(stop.signal);
  return {
    supervisor,
    devices,
    resets,
    stop,
    done,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await clock.until(done);
      assert.equal(clock.timers, 0);
    },
  };
}

Deno.test("a place is polled once, however often it is added", async () => {
  using clock = new FakeClock();
  await using work = running(clock);
  const { supervisor, devices } = work;
  assert.deepEqual(
    [TARGET, OTHER, TARGET, { ...OTHER, pollIntervalMs: 5 }].map((target) =>
      supervisor.add(target)
    ),
    [true, true, false, false],
  );
  await clock.advance(3000);
  assert.deepEqual([devices.length, supervisor.size], [2, 2]);
  assert.deepEqual(
    [TARGET.place, OTHER.place, "192.0.2.9:502/1"].map((place) => supervisor.has(place)),
    [true, true, false],
  );
});

Deno.test("it counts the targets in each state", async () => {
  using clock = new FakeClock();
  const absent = () => Promise.reject(new Error("absent"));
  await using work = running(clock, { [OTHER.place]: { connect: absent } });
  const none = { disconnected: 0, connected: 0, discovering: 0, polling: 0, backoff: 0, asleep: 0 };
  assert.deepEqual(work.supervisor.states(), none);
  work.supervisor.add(TARGET);
  work.supervisor.add(OTHER);
  await clock.advance(0);
  assert.deepEqual(work.supervisor.states(), { ...none, polling: 1, backoff: 1 });
});

Deno.test("a place is live while its device answers", async () => {
  using clock = new FakeClock();
  await using work = running(clock);
  work.supervisor.add(TARGET);
  await clock.advance(0);
  assert.equal(work.supervisor.isLive(TARGET.place), true);
  assert.equal(work.supervisor.isLive(OTHER.place), false);

  for (const device of work.devices) device.script.read = () => Promise.reject(new Error("gone"));
  await clock.advance(1000);
  assert.equal(work.supervisor.isLive(TARGET.place), false);
});

Deno.test("a poller that hangs is replaced within two minutes, whatever it hangs at", async () => {
  for (const step of ["connect", "open", "read"] as const) {
    using clock = new FakeClock();
    const scripts: Record<string, Script> = { [TARGET.place]: { [step]: hang } };
    const work = running(clock, scripts);
    work.supervisor.add(TARGET);
    work.supervisor.add(OTHER);
    await clock.advance(85_000);
    assert.equal(work.supervisor.replaced, 0, step);
    scripts[TARGET.place] = {};
    await clock.advance(35_000);
    assert.deepEqual([work.supervisor.replaced, work.resets], [1, [TARGET.place]], step);
    assert.equal(work.supervisor.states().polling, 2);
    await work[Symbol.asyncDispose]();
  }
});

Deno.test("a poller whose readings cannot be stored is held back, not replaced", async () => {
  using clock = new FakeClock();
  const room = Promise.withResolvers<void>();
  await using work = running(clock, { [TARGET.place]: { store: () => room.promise } });
  work.supervisor.add(TARGET);
  await clock.advance(3_600_000);
  assert.deepEqual([work.supervisor.replaced, work.resets], [0, []]);
  const [device] = work.devices;
  const reads = () => device?.takeJournal().filter((line) => / read\b/.test(line)).length;
  // No more is held in memory than ten seconds of it.
  assert.equal(reads(), 11);
  room.resolve();
  await clock.advance(5000);
  assert.equal(reads(), 5);
});

Deno.test("pollers are not to blame when the whole process stood still", async () => {
  using clock = new FakeClock();
  const late = Promise.withResolvers<void>();
  await using work = running(clock, { [TARGET.place]: { read: () => late.promise } });
  const { supervisor } = work;
  supervisor.add(TARGET);
  await clock.advance(10_000);
  const standstill = clock.elapsed + 300_000;
  supervisor.check(standstill);
  assert.equal(supervisor.replaced, 0);
  supervisor.check(standstill + 5000);
  assert.equal(supervisor.replaced, 1, "but for one that goes on hanging");
  late.resolve();
});

Deno.test("one that was replaced ends quietly when it wakes up after all", async () => {
  using clock = new FakeClock();
  const late = Promise.withResolvers<void>();
  const scripts: Record<string, Script> = { [TARGET.place]: { open: () => late.promise } };
  await using work = running(clock, scripts);
  work.supervisor.add(TARGET);
  await clock.advance(10_000);
  scripts[TARGET.place] = {};
  await clock.advance(100_000);
  const [old] = work.devices;
  assert.equal(work.supervisor.replaced, 1);
  late.resolve();
  await clock.advance(5000);
  assert.equal(old?.openCount, 0);
  assert.equal(old?.takeJournal().includes("polling"), false);
  assert.equal(work.supervisor.states().polling, 1);
});

Deno.test("waiting is not hanging: for the next try, or for a tick that is far away", async () => {
  using clock = new FakeClock();
  const absent = () => Promise.reject(new Error("absent"));
  const rare = { ...OTHER, pollIntervalMs: 3_600_000 };
  await using work = running(clock, { [TARGET.place]: { connect: absent } });
  work.supervisor.add(TARGET);
  work.supervisor.add(rare);
  await clock.advance(15 * 60_000);
  assert.equal(work.supervisor.replaced, 0);
});

Deno.test("a stop ends all pollers", async () => {
  using clock = new FakeClock();
  const work = running(clock);
  for (const target of [TARGET, OTHER]) work.supervisor.add(target);
  await clock.advance(2500);
  assert.deepEqual(work.devices.map(({ openCount }) => openCount), [1, 1]);
  work.stop.abort();
  await clock.until(work.done);
  assert.deepEqual(work.devices.map(({ openCount }) => openCount), [0, 0]);
  assert.equal(work.supervisor.states().disconnected, 2);
  assert.equal(clock.timers, 0);
});

Deno.test("a place that is removed is left once the poll under way is stored", async () => {
  using clock = new FakeClock();
  const read = Promise.withResolvers<void>();
  await using work = running(clock, { [TARGET.place]: { read: () => read.promise } });
  const { supervisor } = work;
  supervisor.add(TARGET);
  supervisor.add(OTHER);
  await clock.advance(500);
  const removed = supervisor.remove(TARGET.place);
  assert.deepEqual([supervisor.has(TARGET.place), supervisor.size], [false, 1]);
  const [device, other] = work.devices;
  await clock.advance(1000);
  assert.deepEqual(device?.stored, []);
  read.resolve();
  await clock.until(removed);
  assert.deepEqual([device?.stored.length, device?.openCount], [1, 0]);
  assert.equal(supervisor.add(TARGET), true, "it may come back");
  await clock.advance(2000);
  assert.equal(device?.stored.length, 1);
  assert.ok((other?.stored.length ?? 0) >= 3, "the others are polled on");
});

Deno.test("a place that is removed is given up when its poll does not end, and not waited for", async () => {
  using clock = new FakeClock();
  const work = running(clock, { [TARGET.place]: { read: hang } });
  work.supervisor.add(TARGET);
  await clock.advance(500);
  const startedAt = clock.elapsed;
  await clock.until(work.supervisor.remove(TARGET.place));
  assert.ok(clock.elapsed - startedAt <= 12_000);
  assert.equal(work.supervisor.size, 0);
});

Deno.test("a place that is absent is removed at once", async () => {
  using clock = new FakeClock();
  for (
    const script of [{ connect: () => Promise.reject(new Error("absent")) }, { connect: hang }]
  ) {
    const work = running(clock, { [TARGET.place]: script });
    work.supervisor.add(TARGET);
    await clock.advance(0);
    const startedAt = clock.elapsed;
    await clock.until(work.supervisor.remove(TARGET.place));
    if (script.connect !== hang) assert.equal(clock.elapsed, startedAt);
    assert.equal(work.supervisor.size, 0);
  }
});
