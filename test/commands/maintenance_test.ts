import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { freePort, loopbackNet, run, simulate, start, temporaryFolder } from "../program.ts";

/** Puts the readings of a device into the buffer of the folder. */
async function fill(
  cwd: string,
  polls: number,
  device = "1,103",
  more: readonly string[] = [],
): Promise<void> {
  await using simulation = await simulate(["--device", device], { cwd });
  const [endpoint] = simulation.endpoints;
  const pace = ["--interval", "10ms", "--set", "buffer.commit_interval_ms=0"];
  const args = ["poll", endpoint, "--buffer", "--count", String(polls), ...pace, ...more];
  const { code, err } = await run(args, { cwd });
  assert.equal(code, 0, err);
}

Deno.test("serve-metrics serves the buffer's figures, and keeps them from the wrong reader", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await fill(folder.path, 3);
  const host = `${loopbackNet()}.1`;
  const address = ["--set", `metrics.address=${host}`, "--set", "metrics.port=0"];
  const served = /"address":"([^"]+)"/;

  await t.step("/metrics, /healthz and /readyz", async () => {
    await using server = start(["serve-metrics", ...address], here);
    const [, place] = await server.told(served);
    const metrics = await fetch(`http://${place}/metrics`);
    assert.match(metrics.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const text = await metrics.text();
    assert.match(text, /^sunspool_buffer_rows 4$/m);
    assert.match(text, /^buffer_size 4$/m);
    assert.match(text, /^sunspool_output_backlog\{output="file"\} 4$/m);
    const open = await fetch(`http://${place}/metrics`, {
      headers: { accept: "application/openmetrics-text; version=1.0.0" },
    });
    assert.match(open.headers.get("content-type") ?? "", /^application\/openmetrics-text/);
    assert.match(await open.text(), /# EOF\n$/);
    for (const path of ["healthz", "readyz"]) {
      const health = await fetch(`http://${place}/${path}`);
      assert.deepEqual([health.status, await health.json()], [
        200,
        { status: "ok", rows: 4, backlog: { file: 4 }, dead_letters: 0 },
      ]);
    }
    assert.equal((await server.stop()).code, 0);
  });

  await t.step("with a token only those who send it read", async () => {
    const env = { SUNSPEC_METRICS_TOKEN: "hunter2" };
    await using server = start(["serve-metrics", ...address, "--log-level", "debug"], {
      ...here,
      env,
    });
    const [, place] = await server.told(served);
    const status = async (headers: Record<string, string>) => {
      const response = await fetch(`http://${place}/metrics`, { headers });
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await status({}), 401);
    assert.equal(await status({ authorization: "Bearer wrong" }), 401);
    assert.equal(await status({ authorization: "Bearer hunter2" }), 200);
    const { out, err } = await server.stop();
    assert.doesNotMatch(out + err, /hunter2/);
  });

  await t.step("what it refuses, and how", async () => {
    using taken = Deno.listen({ hostname: host, port: 0 });
    const file = `${folder.path}/token`;
    await Deno.writeTextFile(file, "hunter2", { mode: 0o644 });
    for (
      const [args, code, want] of [
        [
          ["--set", "metrics.address=0.0.0.0"],
          78,
          'Cannot listen on metrics.address "0.0.0.0": beyond loopback readers must send a token; ' +
          "set metrics.token_file or SUNSPEC_METRICS_TOKEN",
        ],
        [
          [...address, "--set", `metrics.port=${taken.addr.port}`],
          75,
          `Cannot listen on "${host}:${taken.addr.port}": the port is in use, set metrics.port to another`,
        ],
        [
          [...address, "--set", `metrics.token_file=${file}`],
          78,
          `Cannot use secret file "${file}": others may read it; do: chmod 600 ${file}`,
        ],
        [
          ["--set", "metrics.token=hunter2"],
          2,
          "Cannot use --set for metrics.token: a secret on the command line can be read by everybody; " +
          "set SUNSPEC_METRICS_TOKEN or metrics.token_file",
        ],
      ] as const
    ) {
      const ended = await run(["serve-metrics", ...args], here);
      assert.deepEqual([ended.code, ended.err], [code, `error: ${want}\n`]);
    }
  });
});

Deno.test("buffer-vacuum drops what is delivered, and what is too much only with a record of it", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const vacuum = async (...args: readonly string[]) => {
    const { code, out, err } = await run(["buffer-vacuum", ...args, "--json"], here);
    assert.deepEqual([code, err], [0, ""]);
    return JSON.parse(out);
  };
  await fill(folder.path, 5);

  await t.step("undelivered rows stay", async () => {
    const { bytes, freed_bytes: _, ...rest } = await vacuum();
    assert.ok(bytes > 0);
    assert.deepEqual(rest, {
      complete: true,
      delivered_rows_dropped: 0,
      undelivered_rows_dropped: 0,
      rows: 6,
      dead_letters: 0,
      backlog: { file: 6 },
    });
  });

  await t.step("delivered rows go", async () => {
    assert.equal((await run(["drain"], here)).code, 0);
    const { delivered_rows_dropped, rows, backlog } = await vacuum();
    assert.deepEqual([delivered_rows_dropped, rows, backlog], [6, 0, { file: 0 }]);
    const table = await run(["buffer-vacuum"], here);
    assert.match(table.out, /^FIGURE +VALUE\ncomplete +true\ndelivered_rows_dropped +0\n/);
    assert.match(table.out, /^backlog +\{"file":0\}$/m);
  });

  await t.step("rows beyond the size go too, and the output is told of the gap", async () => {
    // 300 modules with their registers make some 20 kB a reading, which nothing makes smaller.
    await fill(folder.path, 80, "1,160:300", ["--set", "avro.registers=true"]);
    const { undelivered_rows_dropped: dropped, rows } = await vacuum(
      "--set",
      "buffer.max_bytes=1MiB",
    );
    assert.ok(dropped > 0 && dropped < 81, String(dropped));
    assert.equal((await run(["drain"], here)).code, 0);
    const names = [...Deno.readDirSync(`${folder.path}/readings`)].map(({ name }) => name);
    const newest = names.find((name) => !/-1-6\.avro$/.test(name));
    const { out } = await run(["decode", `readings/${newest}`], here);
    const records = out.trimEnd().split("\n").map((line) => JSON.parse(line));
    // The record of the gap comes when somebody is there to take it.
    assert.equal(records.length, rows + 1);
    const gaps = records.filter(({ kind }) => kind === "gap").map(({ gap }) => gap);
    const readings = records.filter(({ kind }) => kind === "reading");
    // Positions 7 to 87 were readings: each is either here, or told of as gone.
    let next = 7;
    for (const { output, reason, first, last, count } of gaps) {
      assert.deepEqual([output, reason, first, count], [
        "file",
        "max_bytes",
        next,
        last - first + 1,
      ]);
      next = last + 1;
    }
    assert.equal(next, 7 + dropped);
    assert.deepEqual(
      readings.map(({ position }) => position),
      Array.from({ length: 81 - dropped }, (_, i) => next + i),
    );
  });
});

Deno.test("buffer-vacuum ends in time, says that something is left, and goes on the next time", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await fill(folder.path, 1);
  const path = `${folder.path}/sunspec-buffer.sqlite`;
  {
    using file = new DatabaseSync(path);
    file.exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) " +
        "INSERT INTO telemetry_queue(topic, payload, created_at, schema, crc) " +
        "SELECT 't', randomblob(1000), 1000, 's', 0 FROM n; " +
        "UPDATE output_cursor SET position = 30000",
    );
  }
  const size = () => Deno.statSync(path).size;
  const before = size();
  const first = await run(["buffer-vacuum", "--max-time", "1ms", "--json"], here);
  const told = JSON.parse(first.out);
  assert.deepEqual([first.code, told.complete, first.err], [3, false, ""]);
  assert.ok(told.delivered_rows_dropped > 0 && told.rows > 0, first.out);
  const second = await run(["buffer-vacuum", "--json"], here);
  assert.deepEqual([second.code, JSON.parse(second.out).complete], [0, true], second.err);
  assert.equal(JSON.parse(second.out).rows, 0);
  assert.ok(size() < before / 5, `${before} bytes, then ${size()}`);
});

Deno.test("buffer-vacuum gives up while somebody else keeps the file: exit code 75", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await fill(folder.path, 1);
  using file = new DatabaseSync(`${folder.path}/sunspec-buffer.sqlite`);
  file.exec("BEGIN IMMEDIATE");
  const { code, err } = await run(["buffer-vacuum"], here);
  assert.equal(code, 75, err);
  assert.match(
    err,
    /^error: Cannot use buffer "sunspec-buffer\.sqlite": another process is writing/,
  );
});

Deno.test("drain keeps everything when an output cannot be reached: exit code 75", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await fill(folder.path, 2);
  await Deno.writeTextFile(`${folder.path}/readings`, "a file where the folder should be");
  const refused = await run(["drain", "--give-up", "1ms"], here);
  assert.equal(refused.code, 75);
  assert.match(refused.err, /^0 delivered, file has 3 left, 0 dead letters$/m);
  assert.match(refused.err, /^error: Cannot write to folder "\.\/readings": \S.*\n$/m);
  const kafka = `127.0.0.1:${freePort("127.0.0.1")}`;
  const down = await run(["drain", "--give-up", "1ms", "--set", `kafka.brokers=${kafka}`], here);
  assert.equal(down.code, 75, down.err);
  assert.match(down.err, /^0 delivered, kafka has 3 left, 0 dead letters$/m);
  await Deno.remove(`${folder.path}/readings`);
  const drained = await run(["drain", "-v"], here);
  assert.deepEqual([drained.code, drained.err], [
    0,
    "3 delivered, file has 0 left, 0 dead letters\n",
  ]);
});
