import assert from "node:assert/strict";
import { delay } from "../../lib/backoff.ts";
import { Poller } from "../../lib/collect/mod.ts";
import { ModbusException, ProtocolError, TransportError } from "../../lib/core/mod.ts";
import { FULL } from "../avro/sample_readings.ts";
import { FakeClock } from "./fake_clock.ts";
import { identity, ScriptedDevice, TARGET } from "./scripted_device.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** A poller at work, stopped at the end of the scope. */
function running(clock: FakeClock, device: ScriptedDevice, target = TARGET) {
  const stop = new AbortController();
  const poller = new Poller(target, device.ports);
  const done = poller.run(stop.signal);
  return {
    poller,
    stop,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await clock.until(done);
      assert.deepEqual([poller.state, device.openCount, clock.timers], ["disconnected", 0, 0]);
    },
  };
}

const timeout = () => new TransportError("no answer", "timeout");

/** Fails so many times, then never again. */
function failing(times: number, error: () => Error = timeout) {
  let left = times;
  return () => left-- > 0 ? Promise.reject(error()) : undefined;
}

Deno.test("a device goes through its states in order and is polled on the tick", async () => {
  using clock = new FakeClock(999_999_400);
  const device = new ScriptedDevice(clock);
  await using work = running(clock, device);
  assert.equal(work.poller.device, TARGET.place);
  await clock.advance(2600);
  assert.deepEqual(device.takeJournal(), [
    "0 connect",
    "0 connected",
    "0 discovering",
    "0 open",
    "0 read all",
    "0 store 1",
    "0 polling",
    "600 read",
    "600 store 1",
    "1600 read",
    "1600 store 1",
    "2600 read",
    "2600 store 1",
  ]);
  assert.deepEqual([work.poller.state, work.poller.device], ["polling", "Helio-1"]);
  assert.deepEqual(device.observed, Array(4).fill(["Helio-1", "ok"]));
});

Deno.test("an absent device is tried again and again, ever more rarely, until it answers", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  device.script.connect = failing(9);
  await using _work = running(clock, device);
  await clock.advance(300_000);
  const journal = device.takeJournal();
  const tries = journal.filter((line) => line.endsWith(" connect")).map((line) => parseInt(line));
  // Half of 1 s, 2 s, 4 s … 60 s, as there is no chance here.
  const waits = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000];
  assert.deepEqual(tries, waits.reduce((at, wait) => [...at, (at.at(-1) ?? 0) + wait], [0]));
  assert.deepEqual(journal.slice(0, 4), [
    "0 connect",
    "0 backoff",
    "500 disconnected",
    "500 connect",
  ]);
  assert.ok(journal.includes("121500 polling"), journal.join("\n"));
});

Deno.test("a device that is polled more often is also tried again sooner", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  device.script.connect = failing(3);
  await using _work = running(clock, device, { ...TARGET, pollIntervalMs: 100 });
  await clock.advance(350);
  const tries = device.takeJournal().filter((line) => line.endsWith(" connect"));
  assert.deepEqual(tries, ["0 connect", "50 connect", "150 connect", "350 connect"]);
});

Deno.test("nameplates are read at the start, every hour, and when the device was opened again", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  await using _work = running(clock, device, { ...TARGET, pollIntervalMs: 600_000 });
  await clock.advance(2 * 3_600_000);
  const reads = () =>
    device.takeJournal().filter((line) => line.includes(" read")).map((line) => line.split(" ")[2]);
  const hour = ["all", ...Array(5).fill(undefined)];
  assert.deepEqual(reads(), [...hour, ...hour, "all"]);

  device.script.read = failing(1);
  await clock.advance(600_000 * 3);
  assert.deepEqual(reads(), [undefined, "all", undefined, undefined]);
});

Deno.test("a failing poll closes the device and opens it anew; the next good one says it is back", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  await using _work = running(clock, device);
  await clock.advance(1000);
  device.takeJournal();
  device.script.read = failing(2);
  await clock.advance(3000);
  assert.deepEqual(device.takeJournal(), [
    "2000 read",
    "2000 close",
    "2000 backoff",
    "2500 disconnected",
    "2500 connect",
    "2500 connected",
    "2500 discovering",
    "2500 open",
    "2500 read all",
    "2500 close",
    "2500 backoff",
    "3500 disconnected",
    "3500 connect",
    "3500 connected",
    "3500 discovering",
    "3500 open",
    "3500 read all",
    "3500 store 1",
    "3500 polling",
    "4000 read",
    "4000 store 1",
  ]);
  const told = device.logged.filter(([level]) => level !== "debug");
  assert.deepEqual(told, [
    ["warn", "L is 49 instead of 50"],
    ["info", "device found"],
    ["warn", "no answer"],
    ["warn", "L is 49 instead of 50"],
    ["warn", "L is 49 instead of 50"],
    ["info", "device is back"],
  ]);
});

Deno.test("each failure has a word for the metrics; the wire's are told once, others every time", async () => {
  for (
    const [error, result, level] of [
      [timeout(), "timeout", "debug"],
      [new TransportError("Connection refused", "refused"), "refused", "debug"],
      [new ProtocolError("not Modbus"), "malformed", "debug"],
      [new ModbusException(6, "a request"), "exception_6", "debug"],
      [new RangeError("a bug"), "failed", "warn"],
    ] as const
  ) {
    using clock = new FakeClock();
    const device = new ScriptedDevice(clock);
    device.script.open = failing(2, () => error);
    await using _work = running(clock, device);
    await clock.advance(600);
    assert.deepEqual(device.observed, [[TARGET.place, result], [TARGET.place, result]]);
    const told = device.logged.filter(([, message]) => message === error.message);
    assert.deepEqual(told, [["warn", error.message], [level, error.message]]);
  }
});

Deno.test("readings that cannot be stored count as a failure of the device", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  device.script.store = failing(1, () => new Error("disk full"));
  await using work = running(clock, device);
  // It is noticed at the next tick.
  await clock.advance(1000);
  assert.deepEqual([work.poller.state, device.openCount], ["backoff", 0]);
  await clock.advance(500);
  assert.equal(work.poller.state, "polling");
  assert.deepEqual(device.logged.find(([, message]) => message === "disk full"), [
    "warn",
    "disk full",
  ]);
});

Deno.test("storage that stalls delays no poll for ten seconds, then polling waits for it", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  const stall = Promise.withResolvers<void>();
  device.script.store = () => stall.promise;
  await using _work = running(clock, device);
  await clock.advance(15_000);
  const polls = () =>
    device.takeJournal().filter((line) => / read\b/.test(line)).map((line) => parseInt(line));
  assert.deepEqual(polls(), Array.from({ length: 11 }, (_, i) => i * 1000));
  assert.deepEqual(device.stored, []);
  stall.resolve();
  await clock.advance(2000);
  assert.deepEqual(polls(), [16_000, 17_000]);
  assert.equal(device.stored.length, 13, "nothing of it is lost");
});

Deno.test("a stop waits for what is on its way to the disk", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  const stall = Promise.withResolvers<void>();
  device.script.store = () => stall.promise;
  const stop = new AbortController();
  let hasEnded = false;
  const done = new Poller(TARGET, device.ports).run(stop.signal).then(() => hasEnded = true);
  await clock.advance(0);
  stop.abort();
  await clock.advance(0);
  assert.equal(hasEnded, false);
  stall.resolve();
  await clock.until(done);
  assert.equal(device.stored.length, 1);
});

Deno.test("readings carry the ids that devices are known by, children those of theirs", async () => {
  for (
    const [names, want] of [
      [undefined, [["Helio-1", null], ["Meter-1", "Helio-1"], ["Meter-2", "Helio-1"]]],
      [["Helio-1@b/1", "Meter-1", "Meter-2@b/1"], [
        ["Helio-1@b/1", null],
        ["Meter-1", "Helio-1@b/1"],
        ["Meter-2@b/1", "Helio-1@b/1"],
      ]],
      [[], [["Helio-1", null], ["Meter-1", "Helio-1"], ["Meter-2", "Helio-1"]]],
    ] as const
  ) {
    using clock = new FakeClock();
    const device = new ScriptedDevice(clock);
    device.children = [identity("Meter-1", "Helio-1"), identity("Meter-2", "Helio-1")];
    device.names = names;
    await using work = running(clock, device);
    await clock.advance(0);
    assert.deepEqual(device.stored[0]?.map(({ device: { id, parent } }) => [id, parent]), want);
    assert.equal(work.poller.device, names?.[0] ?? (names ? TARGET.place : "Helio-1"));
  }
});

Deno.test("a device that said it rests is asleep when it falls silent, and wakes up quietly", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  await using work = running(clock, device);
  device.isResting = true;
  await clock.advance(1000);
  device.takeJournal();
  device.script.read = failing(1);
  device.script.connect = failing(4);
  await clock.advance(12_000);
  assert.equal(work.poller.state, "asleep");
  await clock.advance(10_000);
  const states = device.takeJournal().filter((line) => /asleep|backoff|polling|conn/.test(line));
  assert.deepEqual(states, [
    "2000 asleep",
    "2500 connect",
    "3500 connect",
    "5500 connect",
    "9500 connect",
    "17500 connect",
    "17500 polling",
  ]);
  assert.deepEqual(device.logged.filter(([level]) => level !== "debug").slice(2), [
    ["info", "device went to sleep"],
    ["warn", "L is 49 instead of 50"],
    ["info", "device is back"],
  ]);
  const words = device.observed.map(([, result]) => result).filter((result) => result !== "ok");
  assert.deepEqual(words, Array(5).fill("asleep"));

  // Awake again, a silence is a failure.
  device.isResting = false;
  await clock.advance(1000);
  device.script.read = failing(1);
  await clock.advance(1000);
  assert.equal(work.poller.state, "backoff");
});

Deno.test("a fault that is not of the wire, or a day of silence, is no sleep", async () => {
  for (const [error, hours] of [[new RangeError("a bug"), 0], [timeout(), 25]] as const) {
    using clock = new FakeClock();
    const device = new ScriptedDevice(clock);
    device.isResting = true;
    await using work = running(clock, device);
    await clock.advance(0);
    device.script.read = () => Promise.reject(error);
    device.script.connect = () => delay(hours * 3_600_000).then(() => Promise.reject(error));
    await clock.advance(1000);
    assert.equal(work.poller.state, hours === 0 ? "backoff" : "asleep");
    await clock.advance(hours * 3_600_000 + 1000);
    assert.equal(work.poller.state, "backoff");
    assert.deepEqual(device.logged.findLast(([level]) => level === "warn"), [
      "warn",
      error.message,
    ]);
    device.script.connect = undefined;
  }
});

Deno.test("events go with the readings, and into the log", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  const text = (name: string, text: string) => (
    { name, value: null, text, unit: null, quality: null }
  );
  const points = [text("event", "counter_wrap"), text("message", "WH began anew")];
  device.events = [{ ...FULL, kind: "event", points }];
  await using _work = running(clock, device);
  await clock.advance(0);
  assert.deepEqual(device.stored[0]?.map(({ kind }) => kind), ["reading", "event"]);
  assert.ok(device.logged.some(([level, text]) => level === "warn" && text === "WH began anew"));
});

Deno.test("it stops in every state, closes the device and leaves no timer", async () => {
  const aborted = (signal: AbortSignal) =>
    new Promise<void>((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true })
    );
  for (
    const [step, state] of [
      ["connect", "disconnected"],
      ["open", "discovering"],
      ["read", "discovering"],
      ["wait", "polling"],
      ["fail", "backoff"],
    ] as const
  ) {
    using clock = new FakeClock();
    const device = new ScriptedDevice(clock);
    const stop = new AbortController();
    if (step === "fail") device.script.read = failing(1);
    else if (step !== "wait") device.script[step] = () => aborted(stop.signal);
    const poller = new Poller(TARGET, device.ports);
    const done = poller.run(stop.signal);
    await clock.advance(0);
    assert.equal(poller.state, state);

    stop.abort();
    await clock.until(done);
    assert.deepEqual([poller.state, device.openCount, clock.timers], ["disconnected", 0, 0], step);
    assert.equal(device.logged.some(([, message]) => message.includes("abort")), false);
  }
});

Deno.test("one that is stopped before it began does nothing", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  await new Poller(TARGET, device.ports).run(AbortSignal.abort());
  assert.deepEqual(device.takeJournal(), []);
});

Deno.test("it shows progress with each state and each poll", async () => {
  using clock = new FakeClock();
  const device = new ScriptedDevice(clock);
  await using work = running(clock, device);
  for (const at of [0, 1000, 2000]) {
    await clock.advance(at - clock.elapsed);
    assert.equal(work.poller.progressAt, at);
  }
});
