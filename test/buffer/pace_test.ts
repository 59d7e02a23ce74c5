import assert from "node:assert/strict";
import { Gatherer } from "../../lib/buffer/gatherer.ts";
import { FakeClock } from "../collect/fake_clock.ts";
import { entries } from "./buffer_folder.ts";

/** When commits happen, and how much each has, where something comes at these times. */
async function commitsOf(times: readonly number[], intervalMs = 250): Promise<number[][]> {
  using clock = new FakeClock();
  const commits: number[][] = [];
  const gatherer = new Gatherer(intervalMs, (stored) => {
    commits.push([clock.elapsed, stored.length]);
    return Promise.resolve();
  });
  for (const at of times) {
    await clock.advance(at - clock.elapsed);
    gatherer.append(entries("a"));
  }
  await clock.advance(100_000);
  assert.equal(clock.timers, 0);
  return commits;
}

const every = (ms: number, from: number, to: number) =>
  Array.from({ length: Math.floor((to - from) / ms) + 1 }, (_, i) => from + i * ms);

Deno.test("what comes at once is committed once all of it is there", async () => {
  assert.deepEqual(await commitsOf([1000]), [[1020, 1]]);
  assert.deepEqual(await commitsOf(every(10, 1000, 1120)), [[1140, 13]]);
  assert.deepEqual(await commitsOf([1000, 1100, 2000]), [[1020, 1], [1270, 1], [2020, 1]]);
});

Deno.test("the first to come does not wait as if something had just been committed", async () => {
  assert.deepEqual(await commitsOf([0]), [[20, 1]]);
  assert.deepEqual(await commitsOf([10, 100]), [[30, 1], [280, 1]]);
});

Deno.test("nothing waits longer than an interval", async () => {
  const commits = await commitsOf(every(10, 1000, 1600));
  assert.deepEqual(commits, [[1250, 25], [1500, 25], [1750, 11]]);
  assert.deepEqual(await commitsOf([0, 5], 0), [[0, 1], [5, 1]]);
});

Deno.test("there are no more commits than intervals, however little comes", async () => {
  const commits = await commitsOf(every(50, 1000, 10_000));
  assert.ok(commits.length <= 37, String(commits.length));
  const gaps = commits.slice(1).map(([at = 0], i) => at - (commits[i]?.[0] ?? 0));
  assert.ok(gaps.every((gap) => gap >= 250), String(gaps));
});

Deno.test("whoever waits is told what became of it", async () => {
  const [good, bad] = [
    new Gatherer(0, () => Promise.resolve()),
    new Gatherer(0, () => {
      return Promise.reject(new Error("the disk is full"));
    }),
  ];
  await Promise.all([good.append(entries("a")), good.append([])]);
  const failing = [bad.append(entries("a")), bad.append(entries("b"))];
  for (const append of failing) await assert.rejects(append, /the disk is full/);
});
