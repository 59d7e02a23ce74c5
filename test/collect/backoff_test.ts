import assert from "node:assert/strict";
import fc from "fast-check";
import { backoff, deadline, delay, pause, waitAtMost } from "../../lib/backoff.ts";
import { FakeClock, settle } from "./fake_clock.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("backoff() doubles up to its maximum, half of it by chance", () => {
  for (
    const [attempt, random, want] of [
      [0, 0, 50],
      [0, 0.5, 75],
      [1, 0, 100],
      [3, 0, 400],
      [3, 0.999, 799.6],
      [4, 0, 500],
      [5000, 0, 500],
      [5000, 0.5, 750],
    ] as const
  ) {
    const wait = backoff(attempt, { initialMs: 100, maxMs: 1000, random: () => random });
    assert.equal(Math.round(wait * 10) / 10, want);
  }
});

Deno.test("no wait is shorter than half, nor longer than all, of what its try would have", () => {
  const options = fc.record({
    initialMs: fc.integer({ min: 1, max: 10_000 }),
    maxMs: fc.integer({ min: 1, max: 1_000_000 }),
  });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(fc.nat(200), options, random, (attempt, options, chance) => {
    const wait = backoff(attempt, { ...options, random: () => chance });
    const full = Math.min(options.maxMs, options.initialMs * 2 ** attempt);
    assert.ok(wait >= full / 2 && wait <= full, `${wait} of ${full}`);
  }));
});

Deno.test("delay() waits, or throws the signal's reason at once", async () => {
  using clock = new FakeClock();
  await clock.until(delay(500));
  assert.equal(clock.elapsed, 500);

  const stop = new AbortController();
  const waiting = delay(500, stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(waiting, /^Error: stopped$/);
  await assert.rejects(delay(500, AbortSignal.abort(new Error("before"))), /^Error: before$/);
  assert.deepEqual([clock.elapsed, clock.timers], [500, 0]);
});

Deno.test("pause() tells whether it was stopped", async () => {
  using clock = new FakeClock();
  const stop = new AbortController();
  assert.equal(await clock.until(pause(100, stop.signal)), false);
  const waiting = pause(100, stop.signal);
  stop.abort();
  assert.equal(await waiting, true);
  assert.equal(await pause(100, stop.signal), true);
  assert.deepEqual([clock.elapsed, clock.timers], [100, 0]);
});

Deno.test("whatever does not end is waited for no longer than asked, and its failure is told", async () => {
  using clock = new FakeClock();
  await clock.until(waitAtMost(100, new Promise(() => {})));
  assert.equal(clock.elapsed, 100);
  await waitAtMost(100, Promise.resolve());
  await assert.rejects(waitAtMost(100, Promise.reject(new Error("full"))), /full/);
  await settle();
  assert.deepEqual([clock.elapsed, clock.timers], [100, 0]);
});

Deno.test("a deadline aborts in time or with another signal, and leaves nothing behind", async () => {
  using clock = new FakeClock();
  {
    using limit = deadline(300);
    await clock.advance(299);
    assert.deepEqual([limit.signal.aborted, limit.isOver], [false, false]);
    await clock.advance(1);
    assert.deepEqual([limit.signal.aborted, limit.isOver], [true, true]);
  }
  const [stop, listened] = [new AbortController(), new Set<unknown>()];
  const { addEventListener, removeEventListener } = stop.signal;
  Object.assign(stop.signal, {
    addEventListener(...args: Parameters<typeof addEventListener>) {
      listened.add(args[1]);
      addEventListener.apply(stop.signal, args);
    },
    removeEventListener(...args: Parameters<typeof removeEventListener>) {
      listened.delete(args[1]);
      removeEventListener.apply(stop.signal, args);
    },
  });
  {
    using _limit = deadline(300, stop.signal);
    assert.deepEqual([clock.timers, listened.size], [1, 1]);
  }
  assert.deepEqual([clock.timers, listened.size], [0, 0]);

  using limit = deadline(300, stop.signal);
  stop.abort();
  await settle();
  assert.deepEqual([limit.signal.aborted, limit.isOver], [true, false]);
  using late = deadline(300, stop.signal);
  assert.deepEqual([late.signal.aborted, late.isOver], [true, false]);
});
