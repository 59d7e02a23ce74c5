import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { run, simulate, temporaryFolder } from "../program.ts";

const BUFFER = "sunspec-buffer.sqlite";

/** A buffer with readings of a device, and one of them rejected by the file output. */
async function fill(cwd: string, polls: number): Promise<void> {
  await using simulation = await simulate(["--device", "1,103"], { cwd });
  const [endpoint] = simulation.endpoints;
  const args = ["poll", endpoint, "--buffer", "--count", String(polls), "--interval", "10ms"];
  const { code, err } = await run([...args, "--set", "buffer.commit_interval_ms=0"], { cwd });
  assert.equal(code, 0, err);
}

function change(cwd: string, ...statements: readonly string[]): void {
  using file = new DatabaseSync(`${cwd}/${BUFFER}`);
  for (const statement of statements) file.prepare(statement).run();
}

/** Sets row 1 aside, as an output that will never take it does. */
function reject(cwd: string): void {
  change(
    cwd,
    "INSERT INTO dead_letter(output, position, epoch, topic, payload, schema, created_at, reason, " +
      "rejected_at, crc, clock_synced) SELECT 'file', id, 7, topic, payload, schema, created_at, " +
      "'message_too_large', 1763694000000, crc, clock_synced FROM telemetry_queue WHERE id = 1",
    "UPDATE output_cursor SET position = 1",
  );
}

async function lines(cwd: string, ...args: readonly string[]) {
  const { code, out, err } = await run(args, { cwd });
  assert.equal(code, 0, err);
  return out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

Deno.test("buffer inspect says what there is, and whether it is sound", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await fill(cwd, 3);
  reject(cwd);
  const [facts] = await lines(cwd, "buffer", "inspect", "--format", "ndjson");
  const { collector: _, epoch: _e, oldest_at, used_bytes, file_bytes, limit_bytes, ...rest } =
    facts;
  assert.ok(used_bytes > 0 && used_bytes <= file_bytes && limit_bytes > file_bytes);
  const [{ waiting_since, ...output }] = rest.outputs;
  assert.ok(Date.now() - Date.parse(waiting_since) < 60_000);
  assert.ok(oldest_at <= waiting_since);
  assert.deepEqual({ ...rest, outputs: [output] }, {
    latest_position: 4,
    rows: 4,
    integrity: "ok",
    damaged_rows: 0,
    outputs: [{ output: "file", active: true, position: 1, backlog: 3, gaps_not_told_yet: 0 }],
    dead_letters: [{
      ...{ output: "file", reason: "message_too_large", count: 1 },
      bytes: rest.dead_letters[0].bytes,
      oldest_at: "2025-11-21T03:00:00.000Z",
    }],
    dropped: [],
  });
  const table = await run(["buffer", "inspect"], { cwd });
  assert.match(table.out, /^outputs +output file, active true, position 1, backlog 3, /m);

  change(cwd, "UPDATE telemetry_queue SET payload = x'00' WHERE id = 3");
  const unsound = await run(["buffer", "inspect", "--json"], { cwd });
  assert.deepEqual([unsound.code, JSON.parse(unsound.out).damaged_rows], [1, 1]);
});

Deno.test("buffer export prints the backlog or the dead letters, or makes a container file of them", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await fill(cwd, 3);
  reject(cwd);
  change(
    cwd,
    "INSERT INTO dead_letter(output, position, epoch, topic, payload, schema, created_at, reason, " +
      "rejected_at, crc) VALUES('*', 9, 7, 't', x'0102', 's', 1, 'checksum', 1763694000000, 5)",
  );
  const backlog = await lines(cwd, "buffer", "export");
  assert.deepEqual(backlog.map(({ position, kind }) => [position, kind]), [
    [2, "reading"],
    [3, "reading"],
    [4, "reading"],
  ]);
  const dead = await lines(cwd, "buffer", "export", "--dead-letters");
  const about = { rejected_at: "2025-11-21T03:00:00.000Z" };
  assert.deepEqual(
    [dead[0].position, dead[0].epoch, dead[0].device.manufacturer, dead[0].dead_letter],
    [1, 7, "Helio", { output: "file", reason: "message_too_large", ...about }],
  );
  assert.deepEqual(dead.slice(1), [
    {
      ...{ epoch: 7, position: 9, bytes: "AQI=" },
      dead_letter: { output: "*", reason: "checksum", ...about },
    },
  ]);

  for (const format of [["--format", "csv"], ["--json"]]) {
    const { code, err } = await run(["buffer", "export", ...format], { cwd });
    assert.deepEqual([code, err.includes("export prints NDJSON")], [2, true]);
  }

  const file = await run(["buffer", "export", "--to", "backlog.avro"], { cwd });
  assert.deepEqual([file.code, file.out, file.err], [0, "", '3 records in "backlog.avro"\n']);
  assert.deepEqual(await lines(cwd, "decode", "backlog.avro"), backlog);
  const again = await run(["buffer", "export", "--to", "backlog.avro"], { cwd });
  assert.equal(again.code, 78);
  assert.equal(again.err, 'error: Cannot write "backlog.avro": it is there already\n');
});

Deno.test("buffer export reads what can be read of a file that was set aside", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await fill(cwd, 3);
  const all = await lines(cwd, "buffer", "export");
  const aside = `${BUFFER}.corrupt-2026`;
  change(cwd, "UPDATE telemetry_queue SET payload = x'00' WHERE id = 3");
  await Deno.rename(`${cwd}/${BUFFER}`, `${cwd}/${aside}`);
  const { code, out, err } = await run(["buffer", "export", aside], { cwd });
  assert.deepEqual([code, err], [3, "3 readings, 1 more went bad, 0 positions cannot be read\n"]);
  const read = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(read, all.filter(({ position }) => position !== 3));
  const file = await run(["buffer", "export", aside, "--to", "saved.avro"], { cwd });
  assert.equal(file.code, 3, file.err);
  assert.deepEqual(await lines(cwd, "decode", "saved.avro"), read);
  const wrong = await run(["buffer", "export", aside, "--dead-letters"], { cwd });
  assert.equal(wrong.code, 2);
  const none = await run(["buffer", "export", "nowhere.sqlite"], { cwd });
  assert.match(none.err, /^error: Cannot open buffer "nowhere\.sqlite": no such file/);
});

Deno.test("buffer requeue delivers each dead letter once, under a new position, and says so", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await fill(cwd, 2);
  const [rejected] = await lines(cwd, "buffer", "export");
  reject(cwd);
  assert.equal((await run(["drain"], { cwd })).code, 0);
  const requeued = await run(["buffer", "requeue", "--json"], { cwd });
  assert.deepEqual([requeued.code, requeued.err], [0, ""]);
  assert.deepEqual(JSON.parse(requeued.out), { requeued: 1, damaged: 0, unwanted: 0, left: 0 });
  assert.deepEqual(await lines(cwd, "buffer", "export", "--dead-letters"), []);
  assert.equal(
    (await run(["drain", "-v"], { cwd })).err,
    "2 delivered, file has 0 left, 0 dead letters\n",
  );

  const names = [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => `readings/${name}`);
  const all = await lines(cwd, "decode", ...names.sort());
  const [again, event] = all.filter(({ position }) => position >= 4);
  assert.deepEqual({ ...again, position: 1 }, rejected);
  assert.deepEqual([event.kind, event.points[0].text, event.points[1].text], [
    "event",
    "requeued",
    "file: readings that were set aside come again as positions 4–4; they were 1",
  ]);
  assert.equal((await run(["buffer", "requeue"], { cwd })).code, 0);
  assert.deepEqual(await lines(cwd, "buffer", "export"), []);
});

Deno.test("buffer backup makes a copy that is whole, and from which nothing is lost", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await fill(cwd, 2);
  const backup = await run(["buffer", "backup", "copy.sqlite"], { cwd });
  assert.deepEqual([backup.code, backup.out, backup.err], [0, "", 'copied to "copy.sqlite"\n']);
  assert.equal(((await Deno.stat(`${cwd}/copy.sqlite`)).mode ?? 0) & 0o777, 0o600);
  // Life goes on, everything is delivered; then the disk dies, and polls come before deliveries.
  await fill(cwd, 2);
  assert.equal((await run(["drain"], { cwd })).code, 0);
  for (const suffix of ["", "-wal", "-shm"]) {
    await Deno.remove(`${cwd}/${BUFFER}${suffix}`).catch(() => {});
  }
  await Deno.rename(`${cwd}/copy.sqlite`, `${cwd}/${BUFFER}`);
  await fill(cwd, 5);
  assert.equal((await run(["drain"], { cwd })).code, 0);
  const names = [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => `readings/${name}`);
  const all = await lines(cwd, "decode", ...names);
  const places = all.map(({ epoch, position }) => `${epoch} ${position}`);
  assert.equal(new Set(places).size, places.length, "no position twice within an epoch");
  const newest = Math.max(...all.map(({ epoch }) => epoch));
  const after = all.filter(({ epoch }) => epoch === newest);
  const kinds = after.toSorted((a, b) => a.position - b.position).map(({ kind }) => kind);
  // What the copy held, what tells of it, and what came since.
  assert.deepEqual(kinds, [...Array(3).fill("reading"), "event", ...Array(6).fill("reading")]);
});

Deno.test("what buffer refuses, and how", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  for (
    const [args, code, want] of [
      [["buffer"], 2, /^error: Missing ACTION: inspect, export, requeue, backup\n/],
      [
        ["buffer", "backup"],
        2,
        /^error: Missing FILE, as in: sunspool buffer backup copy\.sqlite\n/,
      ],
      [["buffer", "inspect", "x"], 2, /^error: buffer inspect takes no FILE, but got "x"\n/],
      [
        ["buffer", "inspect"],
        1,
        /^error: Cannot open buffer "sunspec-buffer\.sqlite": no such file/,
      ],
    ] as const
  ) {
    const ended = await run(args, { cwd });
    assert.equal(ended.code, code);
    assert.match(ended.err, want);
  }
  await fill(cwd, 1);
  const nowhere = await run(["buffer", "backup", "no/such/folder.sqlite"], { cwd });
  assert.equal(nowhere.code, 78, nowhere.err);
});
