import assert from "node:assert/strict";
import { Alarm, Sleeper } from "../../lib/collect/alarm.ts";
import { FakeClock, settle } from "./fake_clock.ts";

const { signal: forever } = new AbortController();

Deno.test("sleepers wake in the order of their times, whenever they fell asleep", async () => {
  using clock = new FakeClock();
  const alarm = new Alarm();
  const woken: string[] = [];
  const sleeps = [300, 100, 200, 100].map(async (ms, i) => {
    using sleeper = new Sleeper(alarm, forever);
    await sleeper.sleep(ms);
    woken.push(`${clock.elapsed} ${i}`);
  });
  assert.equal(clock.timers, 1);
  await clock.advance(1000);
  await Promise.all(sleeps);
  assert.deepEqual(woken, ["100 1", "100 3", "200 2", "300 0"]);
  assert.equal(clock.timers, 0);
});

Deno.test("of many that are due together a few go at once, and others get their turn between", async () => {
  using clock = new FakeClock();
  const alarm = new Alarm();
  let woken = 0;
  const sleeps = Array.from({ length: 100 }, async () => {
    using sleeper = new Sleeper(alarm, forever);
    await sleeper.sleep(50);
    woken++;
  });
  const seen: number[] = [];
  const look = () => {
    seen.push(woken);
    if (woken < 100) setTimeout(look, 0);
  };
  setTimeout(look, 50);
  await clock.advance(50);
  await Promise.all(sleeps);
  const steps = seen.slice(1).map((now, i) => now - (seen[i] ?? 0));
  assert.ok(steps.length > 4, String(seen));
  assert.ok(steps.every((step) => step <= 16), String(seen));
});

Deno.test("an abort wakes its sleeper and nobody else, and leaves no timer behind", async () => {
  using clock = new FakeClock();
  const alarm = new Alarm();
  const stop = new AbortController();
  using disturbed = new Sleeper(alarm, stop.signal);
  using other = new Sleeper(alarm, forever);
  const sleeps = [disturbed.sleep(100), other.sleep(200)];
  const results = Promise.allSettled(sleeps);
  stop.abort(new Error("stopped"));
  await assert.rejects(disturbed.sleep(100), /stopped/);
  await clock.advance(200);
  const [first, second] = await results;
  assert.deepEqual([first?.status, second?.status], ["rejected", "fulfilled"]);
  const left = other.sleep(500);
  alarm.remove(other);
  assert.equal(clock.timers, 0);
  let isOver = false;
  left.finally(() => isOver = true);
  await settle();
  assert.equal(isOver, false);
});

Deno.test("who leaves before its turn comes holds nobody up", async () => {
  using clock = new FakeClock();
  const alarm = new Alarm();
  const stop = new AbortController();
  // As many as go at once, and one more.
  const others = Array.from({ length: 16 }, () => new Sleeper(alarm, forever));
  using leaving = new Sleeper(alarm, stop.signal);
  const [first, ...sleeps] = others.map((sleeper) => sleeper.sleep(50));
  const left = assert.rejects(leaving.sleep(50), /stopped/);
  const again = first?.then(() => {
    stop.abort(new Error("stopped"));
    return others[0]?.sleep(100);
  });
  await clock.advance(50);
  await Promise.all([left, ...sleeps]);
  await clock.until(again ?? assert.fail());
  assert.equal(clock.elapsed, 150);
  assert.equal(clock.timers, 0);
});
