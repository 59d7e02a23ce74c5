import assert from "node:assert/strict";
import { isOfShard } from "../../lib/config/mod.ts";
import { parseEndpoint } from "../../lib/core/mod.ts";
import { ServiceManager } from "../service_manager.ts";
import {
  eventually,
  freePort,
  loopbackNet,
  type Program,
  run,
  simulate,
  type Simulation,
  start,
  temporaryFolder,
} from "../program.ts";

const QUICK = {
  SUNSPEC_POLL_INTERVAL_MS: "20",
  SUNSPEC_BUFFER_COMMIT_INTERVAL_MS: "10",
  SUNSPEC_METRICS_PORT: "0",
  SUNSPEC_COLLECTOR_ID: "roof",
};

/** A gateway whose configuration changes while it collects. */
class Site implements AsyncDisposable {
  readonly cwd: string;
  readonly simulation: Simulation;
  readonly collect: Program;
  readonly #stack: AsyncDisposableStack;
  #reloads = 0;

  constructor(simulation: Simulation, cwd: string, collect: Program, stack: AsyncDisposableStack) {
    this.simulation = simulation;
    this.cwd = cwd;
    this.collect = collect;
    this.#stack = stack;
  }

  /** Starts it with this configuration; `A`, `B` and `C` are where its three inverters are. */
  static async start(toml: string, env: Readonly<Record<string, string>> = {}): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const folder = temporaryFolder();
    stack.defer(() => folder[Symbol.dispose]());
    const cwd = folder.path;
    const devices = ["A", "B", "C"].flatMap(() => ["--device", "1,103"]);
    const first = `${loopbackNet()}.1`;
    const listen = ["--listen", `${first}:${freePort(first)}`];
    const simulation = stack.use(await simulate([...listen, ...devices], { cwd }));
    await Deno.writeTextFile(`${cwd}/site.toml`, written(toml, simulation));
    const collect = stack.use(
      start(["collect", "--config", "site.toml"], { cwd, env: { ...QUICK, ...env } }),
    );
    await collect.told(/"metrics are served"/);
    return new Site(simulation, cwd, collect, stack.move());
  }

  /** Writes another configuration. */
  async write(toml: string): Promise<void> {
    await Deno.writeTextFile(`${this.cwd}/site.toml`, written(toml, this.simulation));
  }

  /** Makes it read another configuration, and waits for what it says to that. */
  async reload(toml: string): Promise<string> {
    await this.write(toml);
    this.collect.kill("SIGHUP");
    const [line] = await this.collect.told(ANSWER, ++this.#reloads);
    return line;
  }

  async metrics(): Promise<string> {
    const [, place] = await this.collect.told(/"metrics are served","address":"([^"]+)"/);
    return await (await fetch(`http://${place}/metrics`)).text();
  }

  /** Waits until a device was polled so many times more. */
  async polledOn(device: string, times = 3): Promise<void> {
    const before = polls(await this.metrics(), device);
    await eventually(
      `${device} is polled`,
      async () => polls(await this.metrics(), device) >= before + times,
    );
  }

  /** Stops it, and proves that each position is in these files once. */
  async proven(...folders: readonly string[]): Promise<void> {
    const { code, err } = await this.collect.stop();
    assert.equal(code, 0, err);
    assert.match(err, /left 0"/);
    const files = folders.flatMap((folder) =>
      [...Deno.readDirSync(`${this.cwd}/${folder}`)].map(({ name }) => `${folder}/${name}`)
    );
    const { out, err: verdict } = await run(["verify", ...files, "--json"], { cwd: this.cwd });
    assert.match(
      verdict,
      /^proven: \d+ records of 1 collector, 0 missing, 0 twice, 0 out of order/,
    );
    const [{ first, last, count }] = JSON.parse(out);
    const [, readings] = /stopped: devices \d+, readings (\d+)/.exec(err) ?? [];
    assert.deepEqual([first, last, count], [1, Number(readings), Number(readings)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const ANSWER = /^.*"(the configuration is read anew|the configuration is refused).*$/m;
const [A, B, C] = ["A", "B", "C"].map((at) => `[[devices]]\nendpoint = "${at}"\n`);
const ID = { A: "Helio-H-10-SN0001", B: "Helio-H-10-SN0002", C: "Helio-H-10-SN0003" } as const;

function written(toml: string, { endpoints }: Simulation): string {
  return toml.replaceAll(/"([ABC])( host| port)?"/g, (_, at, part) => {
    const endpoint = endpoints["ABC".indexOf(at)] ?? "";
    const [host, port = ""] = endpoint.split(":");
    return part === " port" ? port : `"${part === " host" ? host : endpoint}"`;
  });
}

function polls(metrics: string, device: string): number {
  return Number(
    new RegExp(`_polls_total\\{device="${device}",result="ok"\\} (\\d+)`).exec(metrics)?.[1] ?? 0,
  );
}

function count(text: string, pattern: RegExp): number {
  return text.match(new RegExp(pattern, "g"))?.length ?? 0;
}

Deno.test("SIGHUP adds and removes devices, and leaves the others alone", async () => {
  await using site = await Site.start(`${A}${B}`);
  const { collect } = site;
  for (const id of [ID.A, ID.B]) await site.polledOn(id);
  const said = await site.reload(`${A}${C}`);
  assert.match(said, /"level":"info".*"added":1,"removed":1,"changed":0/);
  for (const id of [ID.A, ID.C]) await site.polledOn(id);
  const metrics = await site.metrics();
  assert.match(metrics, new RegExp(`^sunspool_device_up\\{device="${ID.A}"\\} 1$`, "m"));
  assert.doesNotMatch(metrics, new RegExp(`^sunspool_device_(up|state)\\{device="${ID.B}"`, "m"));
  assert.equal(polls(metrics, ID.B), 0, "nothing of it stays");
  assert.equal(count(collect.err, /"device found","device":"Helio-H-10-SN0001"/), 1);

  await site.reload(`${B}${C}`);
  await site.polledOn(ID.B);
  await site.proven("readings");
});

Deno.test("SIGHUP to another number of shards hands devices on, those named and those found", async () => {
  const toml = (count: number) =>
    `[collect]\nshard = "1/${count}"\n${A}${B}[discovery]\nsubnet = "C host"\nport = "C port"\n`;
  await using site = await Site.start(toml(1));
  for (const id of [ID.A, ID.B, ID.C]) await site.polledOn(id);
  const { endpoints } = site.simulation;
  const isOurs = (count: number) =>
    endpoints.map((endpoint) => isOfShard({ index: 1, count }, parseEndpoint(endpoint)));
  const count =
    Array.from({ length: 100 }, (_, i) => i + 2).find((count) =>
      isOurs(count).filter(Boolean).length < endpoints.length
    ) ?? 0;
  const left = isOurs(count).filter((ours) => !ours).length;
  assert.match(await site.reload(toml(count)), new RegExp(`"removed":${left},`));
  const metrics = await site.metrics();
  for (const [i, id] of [ID.A, ID.B, ID.C].entries()) {
    assert.equal(metrics.includes(`sunspool_device_up{device="${id}"}`), isOurs(count)[i], id);
  }
  await site.reload(toml(1));
  for (const id of [ID.A, ID.B, ID.C]) await site.polledOn(id);
  await site.proven("readings");
});

Deno.test("SIGHUP polls a device at its new pace, and what is read otherwise all of them", async () => {
  await using site = await Site.start(`${A}${B}`);
  for (const id of [ID.A, ID.B]) await site.polledOn(id);
  assert.match(await site.reload(`${A}poll_interval_ms = 86400000\n${B}`), /"changed":1/);
  const found = /"device found","device":"Helio-H-10-SN0001"/;
  await site.collect.told(found, 2);
  const before = polls(await site.metrics(), ID.A);
  await site.polledOn(ID.B, 20);
  assert.ok(polls(await site.metrics(), ID.A) <= before + 1);
  assert.equal(count(site.collect.err, /"device found","device":"Helio-H-10-SN0002"/), 1);
  assert.match(await site.reload(`${A}${B}[modbus]\nmax_batch_size = 40\n`), /"changed":2/);
  for (const id of [ID.A, ID.B]) await site.polledOn(id);
  await site.proven("readings");
});

Deno.test("SIGHUP searches elsewhere, keeps what both searches find, and heeds a new entry", async () => {
  await using site = await Site.start(A ?? "");
  const places = site.simulation.endpoints.map((endpoint) => endpoint.split(":"));
  const [[a = "", port] = [], [b = ""] = [], [c = ""] = []] = places;
  const search = (first: string, last: string) =>
    `[discovery]\nsubnet = "${first}-${last.slice(last.lastIndexOf(".") + 1)}"\nport = ${port}\n`;
  const found = (id: string, times: number) =>
    site.collect.told(new RegExp(`"device found","device":"${id}"`), times);
  await found(ID.A, 1);
  assert.match(await site.reload(search(a, b)), /"added":0,"removed":0,"changed":1/);
  for (const [id, times] of [[ID.A, 2], [ID.B, 1]] as const) await found(id, times);
  assert.match(await site.reload(search(b, c)), /"added":0,"removed":1,"changed":0/);
  await found(ID.C, 1);
  const said = await site.reload(`${search(b, c)}${B}name = "roof"\n`);
  assert.match(said, /"added":0,"removed":0,"changed":1/);
  await found(ID.B, 2);
  await site.polledOn(ID.C);
  assert.equal(count(site.collect.err, /"device found","device":"Helio-H-10-SN0003"/), 1);
  await site.proven("readings");
});

Deno.test("SIGHUP adds a file output, moves it, and takes an output away", async () => {
  const down = `127.0.0.1:${freePort("127.0.0.1")}`;
  const outputs = (list: string, folder: string) =>
    `[collect]\noutputs = ${list}\n[kafka]\nbrokers = ["${down}"]\n[file]\ndirectory = "${folder}"\n${A}`;
  await using site = await Site.start(outputs(`["kafka"]`, "one"));
  await site.polledOn(ID.A);
  assert.match(await site.reload(outputs(`["kafka", "file"]`, "one")), /"outputs":"kafka,file"/);
  const begun = (folder: string) =>
    eventually("a file is begun", async () => {
      const names = await Array.fromAsync(Deno.readDir(`${site.cwd}/${folder}`)).catch(() => []);
      return names.length > 0;
    });
  await begun("one");
  await site.reload(outputs(`["kafka", "file"]`, "two"));
  await begun("two");
  assert.match(await site.reload(outputs(`["file"]`, "two")), /"outputs":"file"/);
  await site.polledOn(ID.A);
  assert.doesNotMatch(
    await site.metrics(),
    /^sunspool_output_(backlog|lag_seconds)\{output="kafka"/m,
  );
  // From the first row on, which the broker that is down held: as at a start.
  await site.proven("one", "two");
});

Deno.test("SIGHUP refuses what cannot be used, whole and with the reason, and goes on as before", async () => {
  await using site = await Site.start(A ?? "");
  await site.polledOn(ID.A);
  const ok = "sunspool_config_last_reload_successful";
  assert.match(await site.metrics(), new RegExp(`^${ok} 1$`, "m"));
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      `${B}[poller]\npoll_intervall_ms = 5\n`,
      /"level":"error".*line 4: poller\.poll_intervall_ms: unkn/,
    ],
    ["[[devices", /line 1: not TOML/],
    ["", /There is nothing to collect/],
    [
      `${B}[buffer]\npath = "other.sqlite"\nmax_bytes = "2 MiB"\n`,
      /line 4: buffer\.path cannot change while it runs; restart it.*line 5: buffer\.max_bytes/,
    ],
    [
      `${B}[collector]\nid = "wall"\n[metrics]\naddress = "::1"\n`,
      /line 6: metrics\.address cannot/,
    ],
    [`${B}[modbus.tls]\nca_file = "nowhere.pem"\n`, /nowhere\.pem/],
    [`${B}[sunspec]\nmodels_dir = "nowhere"\n`, /nowhere/],
    [
      `${B}[kafka]\nbrokers = ["127.0.0.1:1"]\ntls.enabled = true\ntls.ca_file = "nowhere.pem"\n`,
      /nowhere\.pem/,
    ],
  ];
  for (const [toml, why] of cases) {
    const said = await site.reload(toml);
    assert.match(said, /"event":"reload_refused"/);
    assert.match(said, why);
    assert.match(await site.metrics(), new RegExp(`^${ok} 0$`, "m"));
  }
  await site.polledOn(ID.A);
  const own = `${A}[sunspec]\nmodels_dir = "models"\n`;
  await Deno.mkdir(`${site.cwd}/models`);
  await Deno.writeTextFile(`${site.cwd}/models/64200.json`, "{");
  assert.match(await site.reload(own), /64200\.json/);
  await Deno.remove(`${site.cwd}/models/64200.json`);
  assert.match(await site.reload(own), /is read anew/, "what was wrong is mended");
  assert.match(await site.reload(`${A}${B}`), /"added":1/);
  const metrics = await site.metrics();
  assert.match(metrics, new RegExp(`^${ok} 1$`, "m"));
  const [, at] =
    /^sunspool_config_last_reload_success_timestamp_seconds ([\d.e+]+)$/m.exec(metrics) ?? [];
  assert.ok(Math.abs(Number(at) - Date.now() / 1000) < 600, at);
  await site.proven("readings");
});

Deno.test("twenty reloads in a row under load lose nothing and double nothing", async () => {
  await using site = await Site.start(`${A}${B}${C}`, {
    SUNSPEC_POLL_INTERVAL_MS: "10",
    SUNSPEC_BUFFER_ISOLATE: "true",
  });
  const turns = [[A, B], [B, C], [A, B, C], [C]].map((devices, i) =>
    `${devices.join("")}[file]\ndirectory = "${i % 2 === 0 ? "readings" : "others"}"\n`
  );
  for (let i = 0; i < 20; i++) {
    assert.match(await site.reload(turns[i % turns.length] ?? ""), /is read anew/);
  }
  await site.polledOn(ID.C);
  await site.proven("readings", "others");
});

Deno.test("SIGHUP while it starts is heeded later, and while it stops never", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103"], { cwd });
  await Deno.writeTextFile(`${cwd}/site.toml`, written(A ?? "", simulation));
  await using manager = new ServiceManager(`${cwd}/notify`);
  const env = { ...QUICK, NOTIFY_SOCKET: `${cwd}/notify`, SUNSPEC_DRAIN_DEADLINE_MS: "3000" };
  // A file where the folder should be: at the stop, deliveries are tried until the deadline.
  await Deno.writeTextFile(`${cwd}/readings`, "");
  await using collect = start(["collect", "--config", "site.toml"], { cwd, env });
  await collect.told(/"sunspool \S+ collects"/);
  collect.kill("SIGHUP");
  await collect.told(/"the configuration is read anew".*"added":0,"removed":0,"changed":0/);
  await eventually("the manager is told", () => manager.heard.includes("RELOADING=1"));
  const [ready, ...later] = manager.heard.filter((line) => /READY|RELOADING/.test(line));
  assert.equal(ready, "READY=1");
  await eventually(
    "it is ready again",
    () => manager.heard.slice(manager.heard.indexOf("RELOADING=1")).includes("READY=1"),
  );
  assert.equal(later[0], "RELOADING=1");
  collect.kill("SIGTERM");
  await eventually("it is stopping", () => manager.heard.includes("STOPPING=1"));
  collect.kill("SIGHUP");
  const { code, err } = await collect.end();
  assert.equal(code, 0, err);
  assert.equal(count(err, /read anew|refused/), 1);
});

Deno.test("to other commands SIGHUP is what it always was: their end", async () => {
  using folder = temporaryFolder();
  await using simulation = await simulate(["--device", "1,103"], { cwd: folder.path });
  simulation.program.kill("SIGHUP");
  assert.equal((await simulation.program.end()).code, 129);
});
