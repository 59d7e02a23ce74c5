import assert from "node:assert/strict";
import { ConfigError } from "../../lib/core/mod.ts";
import { BufferFolder, numbered } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("the collector's id is given, or random; kept; and not to be exchanged", async () => {
  await using given = new BufferFolder();
  for (const collector of ["roof", undefined, "roof"]) {
    await using buffer = given.open({ collector });
    assert.equal(buffer.collector, "roof");
  }
  assert.throws(() => given.open({ collector: "cellar" }), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /Cannot use this buffer as "cellar": .*collector\.id "roof"/);
    return true;
  });
  {
    await using buffer = given.open();
    assert.equal(buffer.collector, "roof");
  }

  const names = new Set<string>();
  for (let i = 0; i < 3; i++) {
    await using folder = new BufferFolder();
    let first: string;
    {
      await using buffer = await folder.opened({ collector: undefined });
      first = buffer.collector;
    }
    assert.match(first, /^sunspool-[0-9a-f]{8}$/);
    await using buffer = await folder.opened({ collector: undefined });
    assert.equal(buffer.collector, first);
    names.add(first);
  }
  assert.equal(names.size, 3);
});

/** The incarnations as an output sees them, the ids by the order in which they were met. */
function seen(known: string[], local: { incarnations: readonly object[]; incarnation: string }) {
  return local.incarnations.map((incarnation) => {
    const { id, first, last } = incarnation as { id: string; first: number; last?: number };
    if (!known.includes(id)) known.push(id);
    return [known.indexOf(id) + 1, first, last];
  });
}

Deno.test("each opening is an incarnation; those that delivered are kept with their range", async () => {
  await using folder = new BufferFolder();
  const known: string[] = [];
  // [rows to append, whether something is delivered, what is seen: opening, first, last]
  for (
    const [rows, delivers, want] of [
      [5, true, [[1, 1, undefined]]],
      [3, false, [[1, 1, 5], [2, 6, undefined]]],
      [0, false, [[1, 1, 5], [3, 9, undefined]]],
      [2, true, [[1, 1, 5], [4, 9, undefined]]],
      [0, false, [[1, 1, 5], [4, 9, 10], [5, 11, undefined]]],
    ] as const
  ) {
    await using buffer = await folder.opened();
    const local = await buffer.local("file");
    assert.deepEqual(seen(known, local), want);
    assert.equal(local.incarnation, local.incarnations.at(-1)?.id);
    if (rows > 0) await buffer.append(numbered(1, rows));
    // Only the note: whether the delivery was committed, its destination may name it.
    if (delivers) await buffer.note("file", "about to deliver");
  }
});

Deno.test("an incarnation whose note could not be written is marked by the next one", async () => {
  await using folder = new BufferFolder();
  let id: string;
  {
    await using buffer = await folder.opened();
    using look = folder.look();
    look.run(
      "CREATE TRIGGER deny BEFORE UPDATE OF note ON output_cursor " +
        "BEGIN SELECT RAISE(ABORT, 'denied'); END",
    );
    await assert.rejects(buffer.note("file", "first"), /denied/);
    look.run("DROP TRIGGER deny");
    await buffer.note("file", "second");
    id = (await buffer.local("file")).incarnation;
  }
  await using buffer = await folder.opened();
  const { incarnations } = await buffer.local("file");
  assert.deepEqual(incarnations.map((incarnation) => incarnation.id === id), [true, false]);
});

Deno.test("the newest that delivered is kept however often the file is opened in vain", async () => {
  await using folder = new BufferFolder();
  let id: string;
  {
    await using buffer = await folder.opened();
    await buffer.note("file", "delivering");
    id = (await buffer.local("file")).incarnation;
  }
  {
    // As after two thousand starts without a broker.
    using look = folder.look();
    look.run("UPDATE sqlite_sequence SET seq = 2000 WHERE name = 'incarnation'");
  }
  for (let i = 0; i < 2; i++) {
    await using buffer = await folder.opened();
    assert.equal((await buffer.local("file")).incarnations[0]?.id, id);
  }
});

Deno.test("a thousand incarnations that delivered are kept, the oldest go", async () => {
  await using folder = new BufferFolder();
  {
    await using _buffer = await folder.opened();
    using look = folder.look();
    look.run("DELETE FROM incarnation");
    look.run(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1005) " +
        "INSERT INTO incarnation(id, first, last, used) SELECT 'old ' || i, i, i, 1 FROM n",
    );
  }
  await using buffer = await folder.opened();
  const { incarnations } = await buffer.local("file");
  assert.deepEqual([incarnations.length, incarnations[0]?.id], [1001, "old 6"]);
});

Deno.test("whoever only appends or looks mints no incarnation while somebody else delivers", async () => {
  await using folder = new BufferFolder();
  await using draining = await folder.opened({ role: "drain" });
  const { incarnation } = await draining.local("file");
  await draining.note("file", "delivering");
  for (const role of ["append", "maintain"] as const) {
    await using _other = await folder.opened({ role });
    const { incarnations } = await draining.local("file");
    assert.deepEqual(incarnations.map(({ id, last }) => [id, last]), [[incarnation, undefined]]);
  }
});

Deno.test("positions are never used twice, even when all rows are gone", async () => {
  await using folder = new BufferFolder();
  for (const want of [3, 6, 9]) {
    await using buffer = await folder.opened();
    await buffer.append(numbered(1, 3));
    assert.equal((await buffer.local("file")).latest, want);
    await buffer.commit("file", want, []);
    await buffer.trim({ maxBytes: 1e9, maxAgeSeconds: 1e11 });
    assert.equal((await buffer.stats()).rows, 0);
  }
});

Deno.test("an epoch stays until it is renewed, and then is a later one for ever", async () => {
  await using folder = new BufferFolder();
  let epoch: number;
  {
    await using buffer = await folder.opened();
    ({ epoch } = await buffer.local("file"));
    assert.equal((await buffer.local("file")).epoch, epoch);
  }
  {
    // A clock that was set back must not bring an earlier epoch.
    using look = folder.look();
    epoch += 10 * 365 * 86_400_000;
    look.run("UPDATE meta SET value = ? WHERE key = 'epoch'", String(epoch));
    // As in a file of before there were seals.
    look.run("DELETE FROM meta WHERE key = 'seal'");
  }
  {
    await using buffer = await folder.opened();
    assert.equal(await buffer.renewEpoch(), epoch + 1);
    assert.equal((await buffer.local("file")).epoch, epoch + 1);
    assert.equal(await buffer.renewEpoch(), epoch + 2);
  }
  await using buffer = await folder.opened();
  assert.equal((await buffer.local("file")).epoch, epoch + 2);
});

Deno.test("a device keeps its id for ever; a live twin gets a suffix; who moves takes it along", async () => {
  await using folder = new BufferFolder();
  // [what happens, place, the ids that are live then, what the device is called]
  for (
    const [what, place, others, want] of [
      ["first seen", "a/1", [], "Helio-1"],
      ["again", "a/1", [], "Helio-1"],
      ["a twin while the first is live", "b/1", ["Helio-1"], "Helio-1@b/1"],
      ["the twin alone", "b/1", [], "Helio-1@b/1"],
      ["the first, the twin live", "a/1", ["Helio-1@b/1"], "Helio-1"],
      ["moved", "c/1", ["Helio-1@b/1"], "Helio-1"],
      ["another where it was, the moved one live", "a/1", ["Helio-1"], "Helio-1@a/1"],
      ["the moved one again", "c/1", [], "Helio-1"],
    ] as const
  ) {
    // Opened anew each time: it is the file that remembers.
    await using buffer = await folder.opened();
    const isTaken = others.some((id) => id === "Helio-1");
    assert.equal(await buffer.deviceId("Helio-1", place, isTaken), want, what);
  }
});
