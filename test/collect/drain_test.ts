import assert from "node:assert/strict";
import type { BufferOptions } from "../../lib/buffer/mod.ts";
import { Drain } from "../../lib/collect/mod.ts";
import { FencedError, RefusedError, TransportError, TryLaterError } from "../../lib/core/mod.ts";
import { BufferFolder, bytes, entries, entry, numbered } from "../buffer/buffer_folder.ts";
import { FakeClock, settle } from "./fake_clock.ts";
import { lost, MemoryOutput, stuck, unheard } from "./memory_output.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const DOWN = new TryLaterError("broker is down");

/** A buffer, an output and the drain between them, on a clock that is moved by hand. */
async function setUp(options: Partial<BufferOptions> = {}) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(new BufferFolder());
  const clock = stack.use(new FakeClock());
  const buffer = stack.use(folder.open({ outputs: ["memory"], ...options }));
  const output = new MemoryOutput();
  const observed: string[] = [];
  const logged: (readonly [string, string])[] = [];
  const drain = new Drain(output, buffer, { idleMs: 500 }, {
    encodeEvent: (event, text) => entry(`${event}: ${text}`),
    observeReadings: (_output, result, count) => observed.push(`${count} ${result}`),
    observeBatch: () => observed.push("ok"),
    observeFailure: (_output, reason) => observed.push(reason),
    log: (level, message) => logged.push([level, message]),
    random: () => 0,
  });
  const [stopping, stopped] = [new AbortController(), new AbortController()];
  const kept = stack.move();
  return {
    folder,
    clock,
    buffer,
    output,
    drain,
    observed,
    logged,
    stopping,
    stopped,
    run: () => drain.run(stopping.signal, stopped.signal),
    finish: (giveUpMs = 10_000) => drain.finish(giveUpMs, stopped.signal),
    async append(names: readonly string[]) {
      const stored = buffer.append(entries(...names));
      buffer.flush();
      await stored;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

Deno.test("every row is delivered once, in order, committed, and then settled", async () => {
  await using work = await setUp();
  const { clock, buffer, output } = work;
  await work.append(["a", "b"]);
  const done = work.run();
  await clock.advance(0);
  assert.deepEqual(output.takeCalls(), ["recover", "deliver 1-2", "settle 2", "settle 2"]);
  assert.equal((await buffer.local("memory")).position, 2);

  await work.append(["c"]);
  await clock.advance(0);
  assert.deepEqual(output.takeCalls(), ["deliver 3", "settle 3", "settle 3"]);
  assert.deepEqual(output.texts, ["a", "b", "c"]);
  assert.deepEqual(work.observed, ["ok", "2 delivered", "ok", "1 delivered"]);

  work.stopping.abort();
  await clock.until(done);
});

Deno.test("a batch has its collector, epoch, topic and the text of each schema", async () => {
  await using work = await setUp({
    topic: "roofs",
    schemas: new Map([["s1", "text 1"], ["s2", "text 2"]]),
  });
  const stored = work.buffer.append([entry("a"), entry("b", { schema: "s2" }), entry("c")]);
  work.buffer.flush();
  await stored;
  await work.finish();
  const { epoch } = await work.buffer.local("memory");
  const [batch] = work.output.batches;
  assert.deepEqual({ ...batch, entries: batch?.entries.length }, {
    collector: "roof",
    epoch,
    topic: "roofs",
    entries: 3,
    schemas: new Map([["s1", "text 1"], ["s2", "text 2"]]),
  });
});

Deno.test("a backlog goes in batches of at most ten thousand rows and 3.6 MB", async () => {
  for (
    const [rows, size, want] of [
      [10_001, 1, ["deliver 1-10000", "deliver 10001"]],
      [5, 1_200_000, ["deliver 1-3", "deliver 4-5"]],
      [2, 4_000_000, ["deliver 1", "deliver 2"]],
    ] as const
  ) {
    await using work = await setUp({ synchronous: "normal" });
    const stored = work.buffer.append(numbered(1, rows, { payload: new Uint8Array(size) }));
    work.buffer.flush();
    await stored;
    await work.finish();
    assert.deepEqual(work.output.calls.filter((call) => call.startsWith("deliver")), want);
  }
});

Deno.test("after a failure it recovers before it delivers again, later each time", async () => {
  await using work = await setUp();
  const { clock, output } = work;
  await work.append(["a", "b"]);
  output.steps = [lost(DOWN), lost(DOWN), lost(DOWN)];
  const done = work.run();
  // Half of 500 ms, 1 s, 2 s, as there is no chance here.
  for (const [wait, failures] of [[0, 1], [250, 2], [500, 3]] as const) {
    await clock.advance(wait);
    assert.deepEqual(output.takeCalls(), ["recover", "deliver 1-2"]);
    assert.deepEqual([work.drain.failures, work.drain.lastError], [failures, DOWN]);
  }
  await clock.advance(1000);
  assert.deepEqual(output.takeCalls(), ["recover", "deliver 1-2", "settle 2", "settle 2"]);
  assert.deepEqual([work.drain.failures, work.drain.lastError], [0, undefined]);
  assert.deepEqual(output.texts, ["a", "b"]);
  const again = work.logged.filter(([, message]) => message === "deliveries go well again");
  assert.deepEqual(again, [["info", "deliveries go well again"]]);
  assert.deepEqual(work.observed, ["failed", "failed", "failed", "ok", "2 delivered"]);
  assert.deepEqual(
    work.logged.filter(([, message]) => message === DOWN.message).map(([level]) => level),
    ["warn", "debug", "debug"],
  );
  work.stopping.abort();
  await clock.until(done);
});

Deno.test("a recovery that fails is tried again, and so is a buffer that cannot be read", async () => {
  await using work = await setUp();
  const { clock, output } = work;
  await work.append(["a"]);
  output.recoveries = [DOWN, DOWN];
  const done = work.run();
  await clock.advance(750);
  assert.deepEqual(output.takeCalls(), [
    "recover",
    "recover",
    "recover",
    "deliver 1",
    "settle 1",
    "settle 1",
  ]);

  using look = work.folder.look();
  look.run("ALTER TABLE telemetry_queue RENAME TO elsewhere");
  await clock.advance(500);
  assert.equal(work.drain.failures, 1);
  look.run("ALTER TABLE elsewhere RENAME TO telemetry_queue");
  await clock.advance(250);
  assert.equal(work.drain.failures, 0);
  work.stopping.abort();
  await clock.until(done);
});

Deno.test("what had arrived unheard is not sent again", async () => {
  await using work = await setUp();
  const { clock, output } = work;
  await work.append(["a", "b"]);
  output.steps = [unheard(DOWN)];
  output.recoveries = [{}, { position: 2 }];
  const done = work.finish();
  await settle();
  await work.append(["c"]);
  await clock.until(done);
  assert.deepEqual(output.texts, ["a", "b", "c"]);
  assert.deepEqual(work.observed, ["failed", "2 recovered", "ok", "1 delivered"]);
});

Deno.test("a destination that knows less than the buffer does not move it back", async () => {
  await using work = await setUp();
  await work.append(["a", "b"]);
  await work.buffer.commit("memory", 1, []);
  work.output.recoveries = [{ position: 0 }];
  await work.finish();
  assert.deepEqual(work.output.texts, ["b"]);
});

Deno.test("a note is cleared by the recovery that settled it", async () => {
  await using work = await setUp();
  await work.append(["a"]);
  await work.buffer.note("memory", "in flight");
  work.output.recoveries = [DOWN, { position: 0 }];
  await work.clock.until(work.finish());
  assert.deepEqual(work.output.locals.map(({ note }) => note), ["in flight", "in flight"]);
  assert.equal((await work.buffer.local("memory")).note, null);
});

Deno.test("a new epoch counts from the recovery on, and an event says why", async () => {
  await using work = await setUp();
  const { clock, buffer, output } = work;
  const { epoch } = await buffer.local("memory");
  await work.append(["a"]);
  output.recoveries = [{ newEpoch: "the file was replaced" }];
  clock.step(5000);
  await clock.until(work.finish());
  const renewed = (await buffer.local("memory")).epoch;
  assert.ok(renewed > epoch);
  assert.deepEqual(output.taken, [
    { epoch: renewed, position: 1, text: "a" },
    { epoch: renewed, position: 2, text: "epoch_changed: memory: the file was replaced" },
  ]);
  assert.deepEqual(work.logged[0], ["warn", "the file was replaced"]);
});

Deno.test("what a reader should know is delivered as an event", async () => {
  await using work = await setUp();
  await work.append(["a"]);
  work.output.recoveries = [{ event: "positions 1-1 are sent again" }];
  await work.clock.until(work.finish());
  assert.deepEqual(work.output.texts, ["a", "recovery: memory: positions 1-1 are sent again"]);
});

Deno.test("an event does not wait for room that only delivering can make", async () => {
  await using work = await setUp({ whenFull: "block", maxBytes: 200_000 });
  const { clock, buffer, output } = work;
  {
    using look = work.folder.look();
    for (let i = 0; i < 4; i++) look.insert(new Uint8Array(50_000));
  }
  const { rows } = await buffer.stats();
  output.recoveries = [{ newEpoch: "cloned" }];
  const done = work.run();
  await clock.advance(1000);
  assert.equal(output.taken.length, rows + 1);
  assert.equal(output.texts.at(-1), "epoch_changed: memory: cloned");
  work.stopping.abort();
  await clock.until(done);
});

Deno.test("an event that cannot be kept does not stop the delivery", async () => {
  await using work = await setUp();
  await work.append(["a"]);
  using look = work.folder.look();
  look.run(
    "CREATE TRIGGER deny BEFORE INSERT ON telemetry_queue BEGIN SELECT RAISE(ABORT, 'denied'); END",
  );
  work.output.recoveries = [{ event: "sent again" }];
  await work.clock.until(work.finish());
  assert.deepEqual(work.output.texts, ["a"]);
  assert.ok(work.logged.some(([level, message]) => level === "error" && /denied/.test(message)));
});

Deno.test("rejected readings are set aside, told of, and the others delivered", async () => {
  await using work = await setUp();
  await work.append(["a", "b", "c"]);
  work.output.rejects = [2];
  await work.finish();
  const [a, c, gap] = work.output.texts;
  assert.deepEqual([a, c, JSON.parse(gap ?? "").gap.first], ["a", "c", 2]);
  assert.deepEqual(work.observed, ["ok", "2 delivered", "1 rejected", "ok", "1 delivered"]);
  assert.deepEqual(work.logged.at(-1), ["error", "a reading was rejected and set aside"]);
  using look = work.folder.look();
  assert.deepEqual(look.rows("SELECT output, position, reason FROM dead_letter"), [
    ["memory", 2, "too large"],
  ]);
  assert.deepEqual(await work.buffer.read("memory", { rows: 9, bytes: 9 }), []);
});

Deno.test("while there is nothing to do it settles now and then", async () => {
  await using work = await setUp();
  const done = work.run();
  await work.clock.advance(0);
  work.output.takeCalls();
  await work.clock.advance(1600);
  assert.deepEqual(work.output.takeCalls(), ["settle 0", "settle 0", "settle 0"]);
  work.stopping.abort();
  await work.clock.until(done);
});

Deno.test("told to stop, it still delivers what there is", async () => {
  await using work = await setUp();
  const done = work.run();
  await work.clock.advance(100);
  await work.append(["a"]);
  work.stopping.abort();
  await work.clock.until(done);
  assert.deepEqual(work.output.texts, ["a"]);
  assert.equal(work.clock.timers, 0);
});

Deno.test("told to stop while it waits for its next try, it tries once more at once", async () => {
  for (
    const [error, tries] of [
      [DOWN, 2],
      [new RefusedError("no access"), 2],
      [new FencedError("another one"), 1],
    ] as const
  ) {
    await using work = await setUp();
    const { clock, output } = work;
    await work.append(["a"]);
    output.recoveries = [error, error];
    const done = work.run();
    await clock.advance(0);
    work.stopping.abort();
    await clock.advance(0);
    assert.deepEqual(output.takeCalls(), Array(tries).fill("recover"));
    work.stopped.abort();
    await clock.until(done);
  }
});

Deno.test("told to stop at once, it ends wherever it is, and nothing is lost", async () => {
  for (
    const [what, step] of [
      ["delivering", stuck()],
      ["waiting to try again", lost(DOWN)],
      ["idle", undefined],
    ] as const
  ) {
    await using work = await setUp();
    if (step) {
      await work.append(["a"]);
      // A destination is told to stop as well: its call fails then.
      work.output.steps = [
        (take) =>
          Promise.race([step(take, work.stopped.signal), untilAborted(work.stopped.signal)]),
      ];
    }
    const done = work.run();
    await work.clock.advance(10);
    work.stopped.abort();
    await work.clock.until(done);
    assert.deepEqual(work.clock.timers, 0, what);
    assert.equal((await work.buffer.stats()).backlog.memory, step ? 1 : 0);
  }
});

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}

Deno.test("a batch or a recovery that comes to no end is given up after two minutes, and tried again", async () => {
  await using work = await setUp();
  const { clock, output } = work;
  await work.append(["a"]);
  output.steps = [(_take, signal) => untilAborted(signal)];
  const done = work.run();
  await clock.advance(119_999);
  assert.deepEqual(output.takeCalls(), ["recover", "deliver 1"]);
  await clock.advance(300);
  assert.deepEqual(output.takeCalls(), ["recover", "deliver 1", "settle 1", "settle 1"]);
  assert.deepEqual(work.logged.filter(([level]) => level === "warn"), [[
    "warn",
    "No end within 120 s",
  ]]);
  work.stopping.abort();
  await clock.until(done);
  assert.equal(clock.timers, 0);
});

Deno.test("one that is refused waits for half a minute, one that is fenced for minutes", async () => {
  for (
    const [error, wait, reason] of [
      [DOWN, 250, "failed"],
      [new TransportError("no answer", "timeout"), 250, "unreachable"],
      [new RefusedError("wrong password"), 15_000, "denied"],
      [new FencedError("another collector"), 90_000, "fenced"],
    ] as const
  ) {
    await using work = await setUp();
    await work.append(["a"]);
    work.output.recoveries = [error];
    const done = work.run();
    await work.clock.advance(wait - 1);
    assert.deepEqual(work.output.takeCalls(), ["recover"], error.name);
    assert.deepEqual(work.observed, [reason]);
    await work.clock.advance(1);
    assert.deepEqual(work.output.texts, ["a"]);
    work.stopping.abort();
    await work.clock.until(done);
  }
});

Deno.test("no wait between tries is longer than half a minute", async () => {
  await using work = await setUp();
  await work.append(["a"]);
  work.output.recoveries = Array(12).fill(DOWN);
  const done = work.run();
  await work.clock.advance(250 + 500 + 1000 + 2000 + 4000 + 8000 + 6 * 15_000);
  assert.deepEqual(work.output.texts, ["a"]);
  work.stopping.abort();
  await work.clock.until(done);
});

Deno.test("finish() gives up when the output has failed for too long, and keeps everything", async () => {
  await using work = await setUp();
  const { clock, output } = work;
  await work.append(["a"]);
  output.recoveries = Array(99).fill(DOWN);
  await assert.rejects(clock.until(work.finish(2000)), DOWN);
  // Tried at 0, 250, 750 and 1750 ms; the next wait would go beyond.
  assert.deepEqual([output.calls.length, clock.elapsed], [4, 1750]);
  assert.equal((await work.buffer.stats()).backlog.memory, 1);
});

Deno.test("finish() counts the time from the last success on", async () => {
  await using work = await setUp();
  const stored = work.buffer.append(numbered(1, 3, { payload: bytes("x".repeat(3_600_000)) }));
  work.buffer.flush();
  await stored;
  const fails = [lost(DOWN), lost(DOWN)];
  const works: [] = [];
  work.output.steps = [...fails, (take) => Promise.resolve(take()), ...fails, ...works];
  await work.clock.until(work.finish(1000));
  assert.deepEqual(work.output.taken.map(({ position }) => position), [1, 2, 3]);
});

Deno.test("finish() ends at once when it is refused, or told to stop", async () => {
  await using work = await setUp();
  await work.append(["a"]);
  const refused = new RefusedError("wrong password");
  work.output.recoveries = [refused];
  await assert.rejects(work.finish(), refused);
  assert.equal(work.clock.elapsed, 0);

  work.output.recoveries = [DOWN];
  const done = work.finish();
  await settle();
  work.stopped.abort(new Error("SIGTERM"));
  await assert.rejects(done, /^Error: SIGTERM$/);
  await assert.rejects(work.finish(), /^Error: SIGTERM$/);
  assert.equal(work.clock.timers, 0);
});

Deno.test("it says for how long it has been at a batch", async () => {
  await using work = await setUp();
  await work.append(["a"]);
  work.output.steps = [() => untilAborted(work.stopped.signal)];
  const done = work.run();
  assert.equal(work.drain.stuckMs, 0);
  await work.clock.advance(90_000);
  assert.equal(work.drain.stuckMs, 90_000);
  work.stopped.abort();
  await work.clock.until(done);
  assert.equal(work.drain.stuckMs, 0);
});

Deno.test("whoever leaves finishes the batch under way, commits it, and begins no other", async () => {
  await using work = await setUp();
  const { clock, buffer, output, drain } = work;
  await work.append(["a"]);
  const arrival = Promise.withResolvers<void>();
  output.steps = [async (take) => {
    await arrival.promise;
    return take();
  }];
  const leaving = new AbortController();
  const done = drain.run(work.stopping.signal, work.stopped.signal, leaving.signal);
  await clock.advance(0);
  await work.append(["b"]);
  leaving.abort();
  await clock.advance(1000);
  assert.deepEqual(output.texts, []);
  arrival.resolve();
  await clock.until(done);
  assert.deepEqual(output.texts, ["a"]);
  assert.equal((await buffer.local("memory")).position, 1);
});

Deno.test("whoever leaves while all is delivered, or while it fails, goes at once", async () => {
  for (const steps of [[], [lost(DOWN)]]) {
    await using work = await setUp();
    const { clock, output, drain } = work;
    await work.append(["a"]);
    output.steps = steps;
    const leaving = new AbortController();
    const done = drain.run(work.stopping.signal, work.stopped.signal, leaving.signal);
    await clock.advance(0);
    leaving.abort();
    const before = clock.elapsed;
    await clock.until(done);
    assert.equal(clock.elapsed, before);
  }
});
