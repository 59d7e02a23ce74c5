import assert from "node:assert/strict";
import {
  eventually,
  freePort,
  loopbackNet,
  type Program,
  run,
  simulate,
  start,
  temporaryFolder,
} from "../program.ts";
import { type Behaviour, Listener } from "../scan/listener.ts";

const QUICK = {
  SUNSPEC_POLL_INTERVAL_MS: "50",
  SUNSPEC_MODBUS_TIMEOUT_MS: "300",
  SUNSPEC_BUFFER_COMMIT_INTERVAL_MS: "10",
  SUNSPEC_METRICS_PORT: "0",
};

/** Starts `collect` with this configuration. */
async function collecting(cwd: string, toml: string): Promise<Program> {
  await Deno.writeTextFile(`${cwd}/collect.toml`, toml);
  return start(["collect", "--config", "collect.toml"], { cwd, env: QUICK });
}

function device(endpoint: string, unitIds = "[1]"): string {
  return `[[devices]]\nendpoint = "${endpoint}"\nunit_ids = ${unitIds}\n`;
}

/** Gives `/metrics` of a collector. */
async function metricsOf(collect: Program): Promise<string> {
  const [, place] = await collect.told(/"metrics are served","address":"([^"]+)"/);
  return await (await fetch(`http://${place}/metrics`)).text();
}

/** How many polls of a device ended so. */
function polls(metrics: string, device: string, result = "ok"): number {
  const line = `sunspool_polls_total{device="${device}",result="${result}"} `;
  const found = metrics.split("\n").find((text) => text.startsWith(line));
  return Number(found?.slice(line.length) ?? 0);
}

/** Waits until a device has been polled so many times more. */
async function polledOn(collect: Program, device: string, times = 3): Promise<void> {
  const before = polls(await metricsOf(collect), device);
  await eventually(
    `${device} is polled on`,
    async () => polls(await metricsOf(collect), device) >= before + times,
  );
}

Deno.test("a device that is absent at start is polled when it appears", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  const host = `${loopbackNet()}.1`;
  const place = `${host}:${freePort(host)}`;
  await using collect = await collecting(cwd, device(place));
  await collect.told(/"level":"warn","message":"Cannot connect to .*: refused/);
  const [, metrics] = await collect.told(/"metrics are served","address":"([^"]+)"/);
  const ready = await fetch(`http://${metrics}/readyz`);
  assert.deepEqual([ready.status, (await ready.json()).status], [503, "failing"]);
  const text = await metricsOf(collect);
  assert.match(text, /^sunspool_device_up\{device="[^"]+\/1"\} 0$/m);
  assert.match(text, /^sunspool_modbus_requests_total\{[^}]+,result="refused"\} [1-9]/m);
  await using _late = await simulate(["--listen", place, "--device", "1,103"], { cwd });
  await collect.told(/"device is back","device":"Helio-H-10-SN0001"/);
  await polledOn(collect, "Helio-H-10-SN0001");
  assert.equal((await collect.stop()).code, 0);
});

Deno.test("a device that goes away and comes back is polled again", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  const host = `${loopbackNet()}.1`;
  const place = `${host}:${freePort(host)}`;
  const args = ["--listen", place, "--device", "1,103"];
  await using first = await simulate(args, { cwd });
  await using collect = await collecting(cwd, device(place));
  await collect.told(/"device found","device":"Helio-H-10-SN0001"/);
  await first.program.stop("SIGKILL");
  await collect.told(/"level":"warn","message":".*(refused|lost)/);
  await eventually(
    "it is down in the metrics",
    async () =>
      /^sunspool_device_up\{device="Helio-H-10-SN0001"\} 0$/m.test(await metricsOf(collect)),
  );
  await using _second = await simulate(args, { cwd });
  await collect.told(/"device is back","device":"Helio-H-10-SN0001"/);
  await polledOn(collect, "Helio-H-10-SN0001");
  assert.match(
    await metricsOf(collect),
    /^sunspool_device_state\{device="Helio-H-10-SN0001",state="polling"\} 1$/m,
  );
  assert.equal((await collect.stop()).code, 0);
});

/** Hands requests on, but for those to one unit id, which nobody ever answers. */
function muting(unitId: number, target: string): Behaviour {
  const [hostname = "", port] = target.split(":");
  return async (connection) => {
    using other = await Deno.connect({ hostname, port: Number(port) });
    // One request is in flight at a time, so each chunk is one; its seventh byte is the unit id.
    const filter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (chunk[6] !== unitId) controller.enqueue(chunk);
      },
    });
    await Promise.race([
      connection.readable.pipeThrough(filter).pipeTo(other.writable),
      other.readable.pipeTo(connection.writable),
    ]);
  };
}

Deno.test("a dead unit id never stops its neighbours, whether it is refused or silent", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using gateway = await simulate(["--device", "1,103/1,2,7"], { cwd });
  await using silent7 = new Listener(`${loopbackNet()}.1`, muting(7, gateway.endpoints[0]));
  const place = `${silent7.hostname}:${silent7.port}`;
  // 5 is refused by the gateway, 7 stays silent.
  const toml = `[modbus]\nretry_count = 0\n${device(place, "[1, 5, 7, 2]")}`;
  await using collect = await collecting(cwd, toml);
  const neighbours = ["Helio-H-10-SN0001", "Helio-H-10-SN0001-2"];
  for (const id of neighbours) await collect.told(new RegExp(`"device found","device":"${id}"`));
  await eventually("both dead ones have failed twice", async () => {
    const metrics = await metricsOf(collect);
    return [5, 7].every((unit) => polls(metrics, `${place}/${unit}`, "timeout") >= 2);
  });
  for (const id of neighbours) await polledOn(collect, id);
  const metrics = await metricsOf(collect);
  for (const id of neighbours) {
    assert.match(metrics, new RegExp(`^sunspool_device_up\\{device="${id}"\\} 1$`, "m"));
  }
  assert.match(
    collect.err,
    /unit 5: the gateway says that no device answers there \(exception 11\)/,
  );
  assert.match(collect.err, /unit 7: no answer within 300 ms/);
  assert.equal((await collect.stop()).code, 0);
});

Deno.test("a new device on the subnet is found by the next search, and so is one that woke up", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  const net = loopbackNet();
  const port = freePort(`${net}.1`);
  const serve = (last: number, spec: string) =>
    simulate(["--listen", `${net}.${last}:${port}`, "--device", spec], { cwd });
  await using _first = await serve(1, "1,103");
  // A gateway is up, but the inverter behind it sleeps.
  await using asleep = await serve(3, "1,103/9");
  await using collect = await collecting(
    cwd,
    `[discovery]\nsubnet = "${net}.0/29"\nport = ${port}\nrescan_interval_s = 1\n`,
  );
  const found = (last: number) =>
    collect.told(new RegExp(`"device found","device":"[^"]+","place":"${net}.${last}:${port}/1"`));
  await found(1);
  await collect.told(/"searched for devices","subnet":"[^"]+","tried":6,"found":1\}/);
  await using _second = await serve(2, "1,113");
  await found(2);
  await asleep.program.stop();
  await using _awake = await serve(3, "1,103/1,9");
  await found(3);
  assert.equal(collect.err.match(/"device found"/g)?.length, 3);
  assert.equal((await collect.stop()).code, 0);
});

Deno.test("two devices that call themselves the same get ids of their own, and keep them", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using one = await simulate(["--device", "1,103"], { cwd });
  await using two = await simulate(["--device", "1,103"], { cwd });
  const identity = "Helio-H-10-SN0001";
  const endpoints = [one, two].map(({ endpoints }) => endpoints[0]).toSorted();
  const toml = endpoints.map((endpoint) => device(endpoint)).join("");
  const seen: string[][] = [];
  for (let start = 0; start < 2; start++) {
    await using collect = await collecting(cwd, toml);
    await collect.told(/"device found"/, 2);
    const found = [...collect.err.matchAll(/"device found","device":"([^"]+)"/g)];
    const ids = found.map(([, id = ""]) => id).toSorted();
    const own = endpoints.map((endpoint) => `${identity}@${endpoint}/1`);
    assert.equal(ids[0], identity);
    assert.ok(own.includes(ids[1] ?? ""), ids.join(" "));
    if (start === 0) {
      await collect.told(/"level":"warn","message":"two devices call themselves the same/);
    }
    for (const id of ids) await polledOn(collect, id);
    assert.equal((await collect.stop()).code, 0);
    seen.push(ids);
  }
  assert.deepEqual(seen[0], seen[1]);
  const files = [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => `readings/${name}`);
  const { out } = await run(["decode", ...files], { cwd });
  const pairs = out.trimEnd().split("\n").map((line) => {
    const { device } = JSON.parse(line);
    return `${device.endpoint} ${device.id}`;
  });
  // Each endpoint has one id over both runs; none is dropped.
  const distinct = [...new Set(pairs)].map((pair) => pair.split(" "));
  assert.deepEqual(distinct.map(([endpoint]) => endpoint).toSorted(), endpoints);
  assert.deepEqual(distinct.map(([, id]) => id).toSorted(), seen[0]);
});
