import assert from "node:assert/strict";
import { ServiceManager } from "../service_manager.ts";
import {
  eventually,
  freePort,
  type Program,
  run,
  simulate,
  start,
  temporaryFolder,
} from "../program.ts";

const QUICK = {
  SUNSPEC_POLL_INTERVAL_MS: "50",
  SUNSPEC_BUFFER_COMMIT_INTERVAL_MS: "10",
  SUNSPEC_METRICS_PORT: "0",
  SUNSPEC_COLLECTOR_ID: "roof",
};

/** Starts `collect` for a gateway of two inverters, and waits until both are polled. */
async function collecting(
  cwd: string,
  endpoint: string,
  env: Readonly<Record<string, string>> = {},
  ...args: readonly string[]
): Promise<Program> {
  const collect = start(["collect", ...args], {
    cwd,
    env: {
      ...QUICK,
      SUNSPEC_STATIC_DEVICES: "",
      ...env,
      SUNSPEC_CONFIG: await config(cwd, endpoint),
    },
  });
  await collect.told(/"device found"/, 2);
  return collect;
}

async function config(cwd: string, endpoint: string): Promise<string> {
  const file = `${cwd}/collect.toml`;
  await Deno.writeTextFile(file, `[[devices]]\nendpoint = "${endpoint}"\nunit_ids = [1, 2]\n`);
  return file;
}

/** Every record in the container files of a folder, in order of position. */
async function recordsOf(cwd: string, folder = "readings") {
  const names = [...Deno.readDirSync(`${cwd}/${folder}`)].map(({ name }) => `${folder}/${name}`);
  assert.deepEqual(names.filter((name) => !name.endsWith(".avro")), [], "nothing is left half");
  const { code, out, err } = await run(["decode", ...names], { cwd });
  assert.equal(code, 0, err);
  return out.trimEnd().split("\n").map((line) => JSON.parse(line))
    .toSorted((a, b) => a.position - b.position);
}

/** The figures of the last line of `collect`. */
function figures(err: string) {
  const [, devices, readings, delivered, left] =
    /stopped: devices (\d+), readings (\d+), \w+ delivered (\d+), left (\d+)/.exec(err) ?? [];
  return [devices, readings, delivered, left].map(Number);
}

Deno.test("collect delivers every reading before it stops, on SIGTERM and on SIGINT", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103/1-2"], { cwd });
  const [endpoint] = simulation.endpoints;
  let before = 0;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using collect = await collecting(cwd, endpoint, {}, "--log-level", "debug");
    // Polls go on while deliveries do.
    await eventually(
      "something is delivered",
      () =>
        [...Deno.readDirSync(cwd)].some(({ name }) => name === "readings") &&
        [...Deno.readDirSync(`${cwd}/readings`)].some(({ name }) => name.endsWith(".partial")),
    );
    const { code, out, err } = await collect.stop(signal);
    assert.deepEqual([code, out], [0, ""], err);
    const [devices, readings = 0, delivered, left] = figures(err);
    assert.deepEqual([devices, left], [2, 0]);
    assert.ok(readings >= 4, err);
    assert.equal(delivered, readings);
    const records = await recordsOf(cwd);
    const positions = Array.from({ length: before + readings }, (_, i) => i + 1);
    assert.deepEqual(records.map(({ position }) => position), positions);
    assert.ok(records.every(({ collector }) => collector === "roof"));
    before += readings;
  }
});

Deno.test("collect serves metrics and health while it runs", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103/1-2"], { cwd });
  const [endpoint] = simulation.endpoints;
  await using collect = await collecting(cwd, endpoint);
  const [, place] = await collect.told(/"metrics are served","address":"([^"]+)"/);
  const get = async (path: string) => await (await fetch(`http://${place}${path}`)).text();
  const text = await eventually("ten polls are counted", async () => {
    const text = await get("/metrics");
    return /^poller_success [1-9]\d/m.test(text) && text;
  });
  for (const device of ["Helio-H-10-SN0001", "Helio-H-10-SN0001-2"]) {
    assert.match(text, new RegExp(`^sunspool_device_up\\{device="${device}"\\} 1$`, "m"));
    assert.match(
      text,
      new RegExp(`^sunspool_polls_total\\{device="${device}",result="ok"\\} \\d+$`, "m"),
    );
    assert.match(
      text,
      new RegExp(`^sunspool_modbus_requests_total\\{device="${device}",result="ok"\\} `, "m"),
    );
    assert.match(
      text,
      new RegExp(`^sunspool_device_state\\{device="${device}",state="polling"\\} 1$`, "m"),
    );
  }
  assert.doesNotMatch(text, new RegExp(`_state\\{device="${endpoint}`));
  assert.match(text, /^sunspool_build_info\{version="[^"]+",deno="2\.9\.5"\} 1$/m);
  assert.match(text, /^sunspool_output_lag_seconds\{output="file"\} \d/m);
  assert.equal(JSON.parse(await get("/healthz")).status, "ok");
  const ready = JSON.parse(await get("/readyz"));
  assert.deepEqual([ready.status, ready.devices.polling, ready.outputs], ["ok", 2, { file: "ok" }]);
  assert.equal((await collect.stop()).code, 0);
});

Deno.test("collect tells the service manager when it is ready, alive and stopping", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103/1-2"], { cwd });
  const [endpoint] = simulation.endpoints;
  const socket = `${cwd}/notify`;
  await using manager = new ServiceManager(socket);
  const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "200000" };
  await using collect = await collecting(cwd, endpoint, env);
  await eventually(
    "status and watchdog are told",
    () =>
      manager.heard.includes("STATUS=2 of 2 devices answer, delivering") &&
      manager.heard.includes("WATCHDOG=1"),
  );
  assert.equal(manager.heard[0], "READY=1");
  assert.equal((await collect.stop()).code, 0);
  await eventually("the stop is told", () => manager.heard.includes("STOPPING=1"));
});

/** A regular file where the folder of the output should be: deliveries fail until it is gone. */
async function block(cwd: string): Promise<void> {
  await Deno.writeTextFile(`${cwd}/readings`, "not a folder");
}

Deno.test("an output that fails costs nothing: what it lacks is delivered later", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103/1-2"], { cwd });
  const [endpoint] = simulation.endpoints;
  await block(cwd);
  await using collect = await collecting(cwd, endpoint, { SUNSPEC_DRAIN_DEADLINE_MS: "1" });
  await collect.told(/"Cannot write to folder/);
  const { code, err } = await collect.stop();
  const [, readings = 0, delivered, left] = figures(err);
  assert.equal(code, 0);
  assert.ok(readings >= 4);
  assert.deepEqual([delivered, left], [0, readings]);
  await Deno.remove(`${cwd}/readings`);
  const drained = await run(["drain", "-v"], { cwd });
  assert.equal(drained.err, `${readings} delivered, file has 0 left, 0 dead letters\n`);
  assert.equal((await recordsOf(cwd)).length, readings);
});

Deno.test("a broker that is down at start keeps nobody from polling", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103/1-2"], { cwd });
  const [endpoint] = simulation.endpoints;
  const env = {
    SUNSPEC_KAFKA_BROKERS: `127.0.0.1:${freePort("127.0.0.1")}`,
    SUNSPEC_DRAIN_DEADLINE_MS: "1",
  };
  await using collect = await collecting(cwd, endpoint, env);
  await collect.told(/"level":"warn".*"output":"kafka"/);
  const { code, err } = await collect.stop();
  const [, readings, delivered, left] = figures(err);
  assert.deepEqual([code, delivered, left], [0, 0, readings], err);
});

Deno.test("two signals within milliseconds count once; one that comes later ends it at once", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103/1-2"], { cwd });
  const [endpoint] = simulation.endpoints;
  await block(cwd);
  const socket = `${cwd}/notify`;
  await using manager = new ServiceManager(socket);
  await using collect = await collecting(
    cwd,
    endpoint,
    { SUNSPEC_DRAIN_DEADLINE_MS: "3600000", NOTIFY_SOCKET: socket },
    "--log-level",
    "debug",
  );
  const tries = () => collect.err.match(/"Cannot write to folder/g)?.length ?? 0;
  await collect.told(/"Cannot write to folder/);
  collect.kill("SIGTERM");
  collect.kill("SIGTERM");
  await eventually("it is stopping", () => manager.heard.includes("STOPPING=1"));
  const before = tries();
  await eventually("it tries on, as after one signal", () => tries() > before);
  // The deadline is an hour away: only a signal ends it, and only one that comes late enough.
  await eventually("a later signal ends it", async () => {
    collect.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 100));
    return !collect.isRunning;
  });
  const { code, err } = await collect.ended;
  const [, readings = 0, delivered, left] = figures(err);
  assert.deepEqual([code, delivered, left], [0, 0, readings]);
});

Deno.test("nobody who holds a connection to the metrics keeps it from stopping", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103/1-2"], { cwd });
  const [endpoint] = simulation.endpoints;
  await using collect = await collecting(cwd, endpoint);
  const [, port] = await collect.told(/"metrics are served","address":"127\.0\.0\.1:(\d+)"/);
  using half = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await half.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: x\r\n"));
  assert.equal((await collect.stop()).code, 0);
});

Deno.test("a corrupt buffer file is set aside, loudly, and a new one begun", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103/1-2"], { cwd });
  const [endpoint] = simulation.endpoints;
  const garbage = "SQLite it is not. ".repeat(1000);
  await Deno.writeTextFile(`${cwd}/buffer.sqlite`, garbage);
  const env = { SUNSPEC_BUFFER_PATH: "buffer.sqlite" };
  await using collect = await collecting(cwd, endpoint, env);
  const [, aside = ""] = await collect.told(
    /"level":"error","message":"the buffer file was corrupt and is set aside; a new one is begun","file":"([^"]+)"/,
  );
  assert.equal((await collect.stop()).code, 0);
  assert.equal(await Deno.readTextFile(`${cwd}/${aside}`), garbage);
  assert.ok((await recordsOf(cwd)).length >= 4);
});
