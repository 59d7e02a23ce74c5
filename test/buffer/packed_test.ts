import assert from "node:assert/strict";
import type { BufferHandle } from "../../lib/buffer/mod.ts";
import { crc32c } from "../../lib/crc32c.ts";
import { Packer } from "../../lib/buffer/packer.ts";
import { Rows } from "../../lib/buffer/rows.ts";
import { MIGRATIONS } from "../../lib/buffer/schema.ts";
import { Sql } from "../../lib/buffer/sql.ts";
import { Templates } from "../../lib/buffer/templates.ts";
import type { Entry, NewEntry } from "../../lib/core/mod.ts";
import { ALL, BufferFolder, bytes, gapsOf } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const HOUR_MS = 3_600_000;

/** A reading with a number in it; those of one device are alike. */
function reading(device: string, value: number): NewEntry {
  const payload = bytes(`${device.padEnd(200)}01234567 and what follows`);
  new DataView(payload.buffer).setFloat64(200, value, true);
  return {
    schema: "s1",
    payload,
    createdAt: 1_763_694_000_000,
    clockSynced: true,
    numbers: Uint32Array.of(200),
  };
}

/** A reading with a hundred numbers. */
function large(device: string, value: number): NewEntry {
  const payload = bytes(device.padEnd(2000));
  const numbers = Uint32Array.from({ length: 100 }, (_, i) => 400 + 16 * i);
  for (const at of numbers) new DataView(payload.buffer).setFloat64(at, value, true);
  return { ...reading(device, value), payload, numbers };
}

/** All that an output takes, one delivery after the other. */
async function drained(buffer: BufferHandle): Promise<Entry[]> {
  const all: Entry[] = [];
  for (;;) {
    const entries = await buffer.read("file", ALL);
    const last = entries.at(-1);
    if (!last) return all;
    all.push(...entries);
    await buffer.commit("file", last.position, []);
  }
}

function readings(device: string, first: number, last: number): NewEntry[] {
  return Array.from({ length: last - first + 1 }, (_, i) => reading(device, first + i));
}

/** What readings say, to be held against others. */
function contents(entries: readonly NewEntry[]) {
  return entries.map(({ schema, payload, createdAt, clockSynced }) => (
    { schema, payload: payload.toHex(), createdAt, clockSynced }
  ));
}

Deno.test("what is alike is kept as its numbers, and comes out as it went in", async () => {
  await using folder = new BufferFolder();
  const stored = [...readings("a", 1, 5), ...readings("b", 1, 2), reading("c", 0.1)];
  {
    await using buffer = await folder.opened();
    await buffer.append(stored);
  }
  using look = folder.look();
  assert.deepEqual(
    look.rows("SELECT id, length(payload) < 10, template, schema FROM telemetry_queue"),
    [
      [1, 0, null, "s1"],
      ...[2, 3, 4, 5].map((id) => [id, 1, 1, ""]),
      [6, 0, null, "s1"],
      [7, 1, 3, ""],
      [8, 0, null, "s1"],
    ],
  );
  for (const role of ["drain", "collect"] as const) {
    await using buffer = await folder.opened({ role });
    assert.deepEqual(contents(await buffer.read("file", ALL)), contents(stored), role);
  }
  await using buffer = await folder.opened();
  await buffer.append(readings("b", 9, 9));
  assert.deepEqual(look.rows("SELECT template FROM telemetry_queue WHERE id = 9"), [[3]]);
});

Deno.test("a device that says now this, now that, is kept as numbers either way", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  const saying = (text: string, value: number) => {
    const { payload, ...rest } = reading("a", value);
    payload.set(bytes(text), 210);
    return { ...rest, payload };
  };
  const texts = ["on", "no", "on", "no", "on", "no", "no", "on", "off"];
  const stored = texts.map((text, i) => saying(text, i));
  await buffer.append(stored);
  using look = folder.look();
  assert.deepEqual(
    look.column("SELECT template FROM telemetry_queue"),
    [null, null, 1, 3, 1, 3, 3, 1, null],
  );
  assert.deepEqual(contents(await buffer.read("file", ALL)), contents(stored));
});

Deno.test("whoever does not append packs nothing, but reads what is packed", async () => {
  await using folder = new BufferFolder();
  await using buffer = folder.open();
  await buffer.append(readings("a", 1, 3));
  await buffer.commit("file", 2, [{ position: 2, reason: "message_too_large" }]);
  using look = folder.look();
  assert.deepEqual(
    look.rows("SELECT CAST(payload AS TEXT) LIKE 'a%', schema FROM dead_letter"),
    [[1, "s1"]],
    "its template may go before it does",
  );
  {
    await using other = folder.open({ role: "maintain" });
    const maintenance = other.maintenance();
    const backlog = [...maintenance.backlog("file")].filter(({ payload }) => payload[0] === 97);
    assert.deepEqual(contents(backlog), contents(readings("a", 3, 3)));
    assert.equal(maintenance.damagedRows(), 0);
    const done = maintenance.requeue({}, (text) => ({ ...reading("a", 0), payload: bytes(text) }));
    assert.equal(done.requeued, 1);
  }
  const back = (await buffer.read("file", ALL)).filter(({ payload }) => payload[0] === 97);
  assert.deepEqual(back.map(({ payload }) => payload.toHex()), [
    ...contents([reading("a", 3), reading("a", 2)]).map(({ payload }) => payload),
  ]);
});

Deno.test("a template that came with a commit which was undone never was", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  using look = folder.look();
  await buffer.append(readings("a", 1, 2));
  look.run(
    "CREATE TRIGGER deny BEFORE INSERT ON telemetry_queue WHEN NEW.topic = 'readings' AND " +
      "(SELECT count(*) FROM template) > 2 BEGIN SELECT RAISE(ABORT, 'denied'); END",
  );
  await assert.rejects(buffer.append(readings("b", 1, 3)), /denied/);
  look.run("DROP TRIGGER deny");
  const stored = [...readings("c", 1, 3), ...readings("b", 4, 6), ...readings("a", 3, 4)];
  await buffer.append(stored);
  const read = (await buffer.read("file", ALL)).filter(({ payload }) => payload[0] !== 123);
  assert.deepEqual(contents(read), contents([...readings("a", 1, 2), ...stored]));
  assert.deepEqual(look.column("SELECT id FROM template"), [1, 2, 3, 4, 5, 6]);
});

Deno.test("a bit that turns over in a template takes nothing along; in both of its copies, all that need it", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened();
    await buffer.append([...readings("a", 1, 4), ...readings("b", 1, 2)]);
  }
  using look = folder.look();
  for (
    const [change, ids, lost] of [
      ["body = CAST('other' || substr(body, 6) AS BLOB)", "1", []],
      ["schema = 's2'", "1, 4", []],
      ["numbers = x'c9000000'", "1, 2", [2, 3, 4]],
    ] as const
  ) {
    look.run(`UPDATE template SET ${change} WHERE id IN (${ids})`);
    await using buffer = await folder.opened();
    const read = await drained(buffer);
    look.run("UPDATE output_cursor SET position = 0");
    const gaps = gapsOf(read).map(({ first, last, reason }) => [first, last, reason]);
    const told = [[2, 2, "corrupt"], [3, 4, "corrupt"]];
    assert.deepEqual(gaps, lost.length === 0 ? [] : told, change);
    const want = [...readings("a", 1, 4 - lost.length), ...readings("b", 1, 2)];
    const found = read.filter(({ payload }) => payload[0] !== 123);
    assert.deepEqual(contents(found), contents(want), change);
  }
  assert.deepEqual(look.column("SELECT position FROM dead_letter"), [2, 3, 4]);
});

Deno.test("a packed row is held against what went in: any change to it is found", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  await buffer.append([...readings("a", 1, 4), ...readings("b", 1, 4)]);
  using look = folder.look();
  look.run("UPDATE telemetry_queue SET payload = x'08' WHERE id = 2");
  look.run("UPDATE telemetry_queue SET template = 3 WHERE id = 3");
  look.run("UPDATE telemetry_queue SET template = NULL WHERE id = 4");
  look.run("UPDATE telemetry_queue SET template = 99 WHERE id = 6");
  look.run("UPDATE telemetry_queue SET payload = payload || x'00' WHERE id = 7");
  const read = await drained(buffer);
  assert.deepEqual(
    read.filter(({ position }) => position <= 8).map(({ position }) => position),
    [1, 5, 8],
  );
  assert.deepEqual(look.column("SELECT position FROM dead_letter"), [2, 3, 4, 6, 7]);
});

/** What keeps rows as differences, on a new file. */
async function packingIn(folder: BufferFolder) {
  await folder.open()[Symbol.asyncDispose]();
  const sql = new Sql(folder.path);
  const templates = new Templates(sql);
  const packer = new Packer(sql, templates, 1e9);
  const rows = new Rows(sql, templates, packer);
  return { sql, templates, packer, rows, [Symbol.dispose]: () => sql[Symbol.dispose]() };
}

Deno.test("a template goes an hour after the last row that needs it, not before", async () => {
  await using folder = new BufferFolder();
  using packing = await packingIn(folder);
  const { sql, templates, packer } = packing;
  const store = (device: string, position: number) =>
    sql.transaction(() => {
      const packed = packer.pack(reading(device, position));
      if (packed) packed.use.lastAt = position;
      return packed?.use.template.id;
    });
  assert.deepEqual([store("a", 1), store("a", 2), store("b", 3), store("b", 4)], [
    ...[undefined, 1, undefined, 3],
  ]);
  packer.retire(3, 0);
  packer.retire(3, HOUR_MS - 1);
  assert.equal(templates.all().length, 2);
  packer.retire(3, HOUR_MS);
  assert.deepEqual(templates.all().map(({ id }) => id), [3]);
  packer.retire(5, HOUR_MS);
  assert.equal(store("b", 5), 3);
  packer.retire(5, 3 * HOUR_MS);
  packer.retire(6, 4 * HOUR_MS);
  assert.deepEqual(templates.all().map(({ id }) => id), [3], "it was needed meanwhile");
  assert.deepEqual([store("a", 6), store("a", 7)], [5, 5], "an id never comes again");
});

Deno.test("a template that is used does not grow old, and few go at a time", async () => {
  await using folder = new BufferFolder();
  using packing = await packingIn(folder);
  const { sql, templates, packer, rows } = packing;
  const store = (device: string) =>
    sql.transaction(() => rows.insert(reading(device, 1), { topic: "readings" }));
  const devices = Array.from({ length: 150 }, (_, i) => `device ${i}`);
  for (const device of [...devices, ...devices]) store(device);
  for (let time = 0, next = 301; time < 3 * HOUR_MS; time += HOUR_MS / 2, next++) {
    assert.equal(store("device 0"), next);
    // Everything is delivered before each look.
    packer.retire(next + 1, time);
    const left = templates.all().length;
    assert.equal(left, time < HOUR_MS ? 150 : time < HOUR_MS * 1.5 ? 50 : 1, `at ${time}`);
  }
});

Deno.test("a template is told of the last of many rows that needs it", async () => {
  await using folder = new BufferFolder();
  using packing = await packingIn(folder);
  const { sql, templates, packer, rows } = packing;
  const devices = [..."aabbabbaaaaaaaaaaaabaaaaa"];
  sql.transaction(() =>
    rows.insertAll(devices.map((device) => reading(device, 1)), { topic: "readings" })
  );
  const last = devices.lastIndexOf("b") + 1;
  const left = (first: number, now: number) => {
    packer.retire(first, now);
    return templates.all().length;
  };
  assert.deepEqual([left(last, 0), left(last, 9 * HOUR_MS)], [2, 2]);
  assert.deepEqual([left(last + 1, 0), left(last + 1, HOUR_MS)], [2, 1]);
  assert.deepEqual(left(devices.length, 9 * HOUR_MS), 1);
});

Deno.test("on a full buffer templates for a whole fleet do not keep its readings out", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ maxBytes: 32 * 1024 * 1024 });
  const whole = (value: number) => ({ ...large("a", value), numbers: undefined });
  while ((await buffer.stats()).dropped.length === 0) {
    await buffer.append(Array.from({ length: 500 }, (_, i) => whole(i)));
  }
  const devices = Array.from({ length: 400 }, (_, i) => `device ${i}`);
  for (let value = 1; value <= 5; value++) {
    await buffer.append(devices.map((device) => large(device, value)));
  }
});

Deno.test("templates take their share of the buffer and no more; the rest is kept whole", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened({ maxBytes: 1024 * 1024 });
  const devices = Array.from({ length: 400 }, (_, i) => `device ${i}`);
  const stored = [1, 2, 3].flatMap((value) => devices.map((device) => reading(device, value)));
  await buffer.append(stored);
  using look = folder.look();
  const [used] = look.column("SELECT sum(length(body)) FROM template");
  assert.ok(Number(used) > 64 * 1024 && Number(used) < 128 * 1024, `${used}`);
  assert.deepEqual(contents(await buffer.read("file", ALL)), contents(stored));
});

for (const version of [2, 3]) {
  Deno.test(`a file of version ${version} goes on with rows that are packed`, async () => {
    await using folder = new BufferFolder();
    const old = reading("a", 1);
    {
      using look = folder.look();
      for (const statement of MIGRATIONS.slice(0, version).flat()) look.run(statement);
      look.run(`PRAGMA user_version = ${version}`);
      const header = JSON.stringify(["readings", old.createdAt, "s1", 1, null]);
      look.run(
        "INSERT INTO telemetry_queue(topic, payload, created_at, schema, crc, clock_synced, " +
          "header_crc) VALUES('readings', ?, ?, 's1', ?, 1, ?)",
        ...[old.payload, old.createdAt, crc32c(old.payload), crc32c(bytes(header))],
      );
    }
    // The settings that a file keeps from its making.
    using look = folder.look();
    look.run("PRAGMA auto_vacuum = 2");
    look.run("VACUUM");
    await using buffer = await folder.opened();
    await buffer.append(readings("a", 2, 4));
    const read = await buffer.read("file", ALL);
    assert.deepEqual(contents(read), contents([old, ...readings("a", 2, 4)]));
    assert.deepEqual(look.column("SELECT template FROM telemetry_queue"), [null, null, 1, 1]);
  });
}
