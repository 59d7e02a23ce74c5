import assert from "node:assert/strict";
import type { Gap, NewEntry } from "../../lib/core/mod.ts";
import { ALL, BufferFolder, entries, entry, gapsOf, numbered, textsOf } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const HOUR = 3_600_000;
const NOW = Date.now();
const KEEP = { maxBytes: 1e9, maxAgeSeconds: 1e11 };

/** A reading of so many hours ago. */
const aged = (hours: number, clockSynced: boolean | null = true): NewEntry =>
  entry(`${hours} h`, { createdAt: NOW - hours * HOUR, clockSynced });

Deno.test("rows go when every output has them", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ outputs: ["a", "b"] });
  await buffer.append(numbered(1, 12_000));
  for (
    const [a, b, want] of [
      [0, 0, 0],
      [11_000, 0, 0],
      [11_000, 3, 3],
      [11_000, 10_500, 10_497],
      [12_000, 12_000, 1500],
    ] as const
  ) {
    await buffer.commit("a", a, []);
    await buffer.commit("b", b, []);
    const { delivered, dropped } = await buffer.trim(KEEP);
    assert.deepEqual([delivered, dropped], [want, 0]);
  }
  assert.equal((await buffer.stats()).rows, 0);
});

Deno.test("no rows go while no output is configured", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ outputs: [] });
  await buffer.append(numbered(1, 3));
  assert.equal((await buffer.trim(KEEP)).delivered, 0);
  assert.equal((await buffer.stats()).rows, 3);
});

Deno.test("rows go when they are too old, up to the first that is not", async () => {
  for (
    const [what, rows, want] of [
      ["none is old", [aged(5), aged(1)], 0],
      ["the leading ones are", [aged(12), aged(11), aged(5)], 2],
      ["all are", [aged(13), aged(12)], 2],
      ["a time that is not known counts", [aged(12, null), aged(5, null)], 1],
      ["without a clock none is", [aged(500_000, false), aged(5)], 0],
      ["without a clock, between old ones", [aged(12), aged(500_000, false), aged(11), aged(5)], 3],
      ["without a clock, behind old ones", [aged(12), aged(500_000, false), aged(5)], 1],
      ["a clock that was set back", [aged(5), aged(500_000), aged(4)], 0],
      ["old ones behind a clock that ran ahead", [aged(-900), aged(12), aged(5)], 0],
    ] as const
  ) {
    await using folder = new BufferFolder();
    await using buffer = await folder.opened();
    await buffer.append(rows);
    const report = await buffer.trim({ maxBytes: 1e9, maxAgeSeconds: 10 * 3600 });
    assert.equal(report.dropped, want, what);
    const left = (await buffer.read("file", ALL)).slice(0, rows.length - want);
    assert.deepEqual(left.map(({ position }) => position), rows.map((_, i) => i + 1).slice(want));
  }
});

Deno.test("dropping by age leaves the young rows and the record of the gap, however often it runs", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  await buffer.append([aged(12), aged(11), aged(5), aged(1)]);
  const retention = { maxBytes: 1e9, maxAgeSeconds: 10 * 3600 };
  assert.equal((await buffer.trim(retention)).dropped, 2);
  for (let i = 0; i < 3; i++) {
    assert.equal((await buffer.trim(retention)).dropped, 0);
    const read = await buffer.read("file", ALL);
    assert.deepEqual(textsOf(read).slice(0, 2), ["5 h", "1 h"]);
    assert.deepEqual(gapsOf(read), [{
      output: "file",
      first: 1,
      last: 2,
      count: 2,
      reason: "max_age",
      from: (NOW - 12 * HOUR) * 1000,
      to: (NOW - 11 * HOUR) * 1000,
    }]);
  }
});

/** The rows that an output neither got nor was told of. */
function unexplained(read: readonly { position: number }[], gaps: readonly Gap[], latest: number) {
  const all = Array.from({ length: latest }, (_, i) => i + 1);
  return all.filter((position) =>
    !read.some((entry) => entry.position === position) &&
    !gaps.some(({ first, last }) => position >= first && position <= last)
  );
}

Deno.test("rows go when there is too much, and only outputs that are behind are told, to the row", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ outputs: ["behind", "half", "done"] });
  const payload = new Uint8Array(3000);
  await buffer.append(numbered(1, 900).map((some) => ({ ...some, payload })));
  await buffer.commit("half", 150, []);
  await buffer.commit("done", 900, []);

  const maxBytes = 1024 * 1024;
  const { delivered, dropped } = await buffer.trim({ maxBytes, maxAgeSeconds: 1e11 });
  assert.equal(delivered, 0);
  assert.ok((await buffer.stats()).bytes <= maxBytes);
  assert.ok(dropped > 500 && dropped < 900, `${dropped} rows`);

  const gaps = [];
  for (const [output, through] of [["behind", 0], ["half", 150], ["done", 900]] as const) {
    const read = await buffer.read(output, ALL);
    const own = gapsOf(read).filter((gap) => gap.output === output);
    const { latest } = await buffer.local(output);
    assert.equal(unexplained(read, own, latest).length, through, output);
    gaps.push(own.map(({ count, reason }) => [count, reason]));
  }
  assert.deepEqual(gaps, [[[dropped, "max_bytes"]], [[dropped - 150, "max_bytes"]], []]);
});

Deno.test("a row that went before leaves no second trace in a gap", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  await buffer.append([aged(12), aged(12), aged(12), aged(1)]);
  using look = folder.look();
  look.run("DELETE FROM telemetry_queue WHERE id = 2");
  const { dropped } = await buffer.trim({ maxBytes: 1e9, maxAgeSeconds: 10 * 3600 });
  const [gap] = gapsOf(await buffer.read("file", ALL));
  assert.deepEqual([dropped, gap?.first, gap?.last, gap?.count], [2, 1, 3, 2]);
});

Deno.test("even a file that can never fit keeps its last record", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ outputs: ["a", "b"] });
  await buffer.append(numbered(1, 50));
  await buffer.trim({ maxBytes: 1, maxAgeSeconds: 1e11 });
  const gaps = gapsOf(await buffer.read("a", ALL));
  assert.ok(gaps.some(({ output }) => output === "a"));
  await buffer.append(entries("after"));
  assert.ok(textsOf(await buffer.read("b", ALL)).includes("after"));
});

Deno.test("room that was freed goes back to the file system, unless as much comes again", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  const payload = new Uint8Array(100_000);
  const size = () => Deno.statSync(folder.path).size;
  for (const last of [100, 200, 300]) {
    await buffer.append(Array.from({ length: 100 }, () => entry("", { payload })));
    await buffer.commit("file", last, []);
    const { delivered, freedBytes, isComplete } = await buffer.trim(KEEP);
    assert.deepEqual([delivered, freedBytes, isComplete], [100, 0, true]);
  }
  const { freedBytes, isComplete } = await buffer.trim(KEEP);
  assert.ok(freedBytes > 8_900_000 && isComplete, `${freedBytes} bytes`);
  using look = folder.look();
  look.rows("PRAGMA wal_checkpoint(TRUNCATE)");
  // Some room stays in any case, for what comes next.
  assert.ok(size() < 1_200_000, `${size()} bytes`);
});

Deno.test("whoever waits for rows is woken by the record of a gap", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ outputs: ["behind", "waiting"] });
  await buffer.append([aged(12)]);
  await buffer.commit("waiting", 1, []);
  const woken = buffer.appended(1, new AbortController().signal);
  await buffer.trim({ maxBytes: 1e9, maxAgeSeconds: 3600 });
  await woken;
});

Deno.test("the latest time that any row had is known even when all rows are gone", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened();
    assert.equal(await buffer.latestTime(), 0);
    await buffer.append([entry("a", { createdAt: 5000 }), entry("b", { createdAt: 3000 })]);
    assert.equal(await buffer.latestTime(), 5000);
    await buffer.commit("file", 2, []);
    await buffer.trim(KEEP);
    assert.equal((await buffer.stats()).rows, 0);
    assert.equal(await buffer.latestTime(), 5000);
  }
  await using buffer = await folder.opened();
  assert.equal(await buffer.latestTime(), 5000);
  // A clock that was set back: the time that was known before stays the latest.
  await buffer.append([entry("c", { createdAt: 1000 })]);
  await buffer.commit("file", 3, []);
  await buffer.trim(KEEP);
  assert.equal(await buffer.latestTime(), 5000);
  await buffer.append([entry("d", { createdAt: 6000 })]);
  assert.equal(await buffer.latestTime(), 6000);
});

Deno.test("a trim that may take no time does one step of each, and says that more is left", async () => {
  await using folder = new BufferFolder();
  await using buffer = folder.open();
  await buffer.append(numbered(1, 3500));
  await buffer.commit("file", 3500, []);
  const steps = [];
  for (let isComplete = false; !isComplete;) {
    const report = await buffer.trim({ ...KEEP, maxMs: 0 });
    steps.push(report.delivered);
    isComplete = report.isComplete;
    assert.ok(steps.length < 10);
  }
  assert.deepEqual(steps, [1000, 1000, 1000, 500, 0]);
});
