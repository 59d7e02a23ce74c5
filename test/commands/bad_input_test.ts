import assert from "node:assert/strict";
import { serveModbus } from "../../lib/modbus/mod.ts";
import { diskTest } from "../buffer/small_disk.ts";
import {
  type Ended,
  freePort,
  loopbackNet,
  neutralEnvironment,
  NO_SUCH_HOST,
  run,
  simulate,
  start,
  temporaryFolder,
} from "../program.ts";
import { closing, http, Listener, silent } from "../scan/listener.ts";

/** An error is one or two lines: what failed, the value in quotes, why, what to try. */
function assertRefused({ code, out, err }: Ended, wanted: number, message: RegExp): void {
  assert.equal(code, wanted, err);
  assert.equal(out, "");
  assert.match(err, message);
  const [first = "", ...more] = err.trimEnd().split("\n");
  assert.match(first, /^error: \S.*[^.]$/);
  assert.ok(more.length <= 1, err);
  assert.doesNotMatch(err, /^\s+at |node_modules|file:\/\//m);
}

Deno.test("whoever is no SunSpec device is told apart, in one line", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const net = loopbackNet();
  await using noMap = serveModbus({ hostname: `${net}.1`, port: 0 }, () => 2);
  await using web = new Listener(`${net}.2`, http);
  await using mute = new Listener(`${net}.3`, silent);
  await using shut = new Listener(`${net}.4`, closing);
  await using gateway = await simulate(["--device", "1,103/3"], here);
  const at = ({ hostname, port }: { hostname: string; port: number }) => `${hostname}:${port}`;
  const closed = `${net}.5:${freePort(`${net}.5`)}`;
  const cases = [
    ["no such host", NO_SUCH_HOST, [], /Cannot connect to "x+\.invalid:502": no such host/],
    [
      "a closed port",
      closed,
      [],
      /Cannot connect to ".*": refused; is Modbus TCP switched on there/,
    ],
    [
      "a host that speaks HTTP",
      at(web),
      [],
      /"127\..*" unit 1: a reply with protocol id \d+ instead of 0; does this host speak Modbus TCP\?\n$/,
    ],
    ["a host that closes", at(shut), [], /"127\..*" is lost: the other side closed it/],
    ["a silent host", at(mute), [], /Cannot read from ".*" unit 1: no answer within 100 ms/],
    [
      "a Modbus device that is not SunSpec",
      at(noMap),
      [],
      /unit 1: it answers Modbus, but has no SunSpec map at 40000, 0, 50000; try --unit auto, 126, 124 or 71\n/,
    ],
    [
      "a Modbus device that is not SunSpec, at any unit id",
      at(noMap),
      ["--unit", "auto"],
      /no SunSpec device answers at the unit ids 1, 126, 71, .*; try others with --unit/,
    ],
    [
      "a wrong unit id",
      gateway.endpoints[0],
      ["--unit", "4"],
      /unit 4: the gateway says that no device answers there \(exception 11\); try another --unit, or --unit auto; found there: --unit 3 \(Helio-H-10-SN0001-3\)\n/,
    ],
  ] as const;
  for (const [name, endpoint, flags, message] of cases) {
    await t.step(name, async () => {
      const timeouts = ["--timeout", "100ms", "--set", "modbus.retry_count=0"];
      for (const command of ["read", "discover"]) {
        const ended = await run([command, endpoint, ...flags, ...timeouts], here);
        assertRefused(ended, 1, message);
      }
    });
  }
});

Deno.test("words, models and definitions that are wrong have the exit code of what is wrong", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using simulation = await simulate(["--device", "1,103"], here);
  const [endpoint] = simulation.endpoints;
  const write = async (name: string, text: string) => {
    await Deno.mkdir(`${folder.path}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder.path}/${name}`, text);
  };
  await write("json/a.json", '{"id": 65000, "group": {"name": "x", "points": 5}}');
  await write("smdx/smdx_65001.xml", "<sunSpecModels><model id='65001'>");
  await write("bad.toml", "[poller]\npoll_interval_ms = 'often'\n");
  await write("nothing.toml", "[log]\nlevel = 'info'\n");
  await write(
    "secret.toml",
    '[kafka]\nbrokers = "127.0.0.1:9"\n[kafka.sasl]\npassword = "hunter2"\n',
  );
  await write("unsafe", "hunter2");
  await write("sunspec-buffer.sqlite", "");
  await Deno.chmod(`${folder.path}/unsafe`, 0o644);
  const oneDevice = { SUNSPEC_STATIC_DEVICES: "127.0.0.1" };
  const sasl = [
    "kafka.brokers=127.0.0.1:9",
    "kafka.sasl.mechanism=plain",
    "kafka.tls.enabled=true",
    "kafka.sasl.username=me",
    "kafka.sasl.password_file=unsafe",
  ].flatMap((set) => ["--set", set]);
  const cases = [
    [
      "no configuration at all",
      ["collect"],
      78,
      /There is nothing to collect: name \[\[devices\]\]/,
    ],
    [
      "a configuration without devices",
      ["collect", "-c", "nothing.toml"],
      78,
      /nothing to collect/,
    ],
    ["a missing configuration", ["collect", "-c", "gone.toml"], 78, /"gone\.toml": no such file/],
    [
      "a wrong value",
      ["collect", "-c", "bad.toml"],
      78,
      /"bad\.toml" line 2: poller\.poll_interval_ms = "often": must be/,
    ],
    [
      "a secret in the file",
      ["drain", "-c", "secret.toml"],
      78,
      /"secret\.toml" line 4: kafka\.sasl\.password: is a secret/,
    ],
    [
      "a secret file that others may read",
      ["drain", ...sasl],
      78,
      /"unsafe": others may read it; do: chmod 600 unsafe/,
    ],
    [
      "an unknown output",
      ["drain", "--set", "collect.outputs=mqtt"],
      78,
      /there is no output "mqtt", only kafka, file/,
    ],
    [
      "kafka without brokers",
      ["drain", "--set", "collect.outputs=kafka"],
      78,
      /kafka\.brokers: the output kafka needs brokers/,
    ],
    [
      "a wrong --set",
      ["poll", endpoint, "--set", "poller.x=1"],
      2,
      /Cannot use --set for "poller\.x": unknown key/,
    ],
    [
      "a model that the device lacks",
      ["read", endpoint, "160"],
      1,
      /Cannot read "160": the device has the models 1, 103\n/,
    ],
    [
      "a model that nobody knows",
      ["read", endpoint, "inverter"],
      1,
      /Cannot read "inverter": the device has the models 1, 103\n/,
    ],
    [
      "a point that the model lacks",
      ["read", endpoint, "103.Foo"],
      2,
      /model 103 has no point "Foo", see: sunspool models show 103\n/,
    ],
    [
      "malformed JSON definitions",
      ["read", endpoint, "--models-dir", "json"],
      78,
      /"json\/a\.json": group\.points: must be an array/,
    ],
    [
      "malformed SMDX definitions",
      ["read", endpoint, "--models-dir", "smdx"],
      78,
      /"smdx\/smdx_65001\.xml": not XML/,
    ],
    [
      "definitions that are not there",
      ["scan", endpoint, "--models-dir", "none"],
      78,
      /Cannot read models folder "none": /,
    ],
    [
      "a certificate that is not there",
      ["read", "tls://127.0.0.1", "--set", "modbus.tls.ca_file=none.pem"],
      78,
      /Cannot use certificate file "none.pem": No such file/,
    ],
    [
      "a certificate without its key",
      ["collect", "--set", "modbus.tls.cert_file=some.pem", "--set", "discovery.subnet=127.0.0.1"],
      78,
      /modbus.tls.cert_file and modbus.tls.key_file go together/,
    ],
    [
      "a simulator without a certificate",
      ["simulate", "--listen", "tls://127.0.0.1:0"],
      2,
      /To listen on tls:\/\/ name --tls-cert FILE and --tls-key FILE\n$/,
    ],
  ] as const;
  for (const [name, args, code, message] of cases) {
    await t.step(name, async () => assertRefused(await run(args, here), code, message));
  }
  for (const dir of ["json", "smdx"]) {
    await t.step(`malformed definitions keep collect from starting: ${dir}`, async () => {
      const env = { ...oneDevice, SUNSPEC_MODELS_DIR: dir, SUNSPEC_METRICS_PORT: "0" };
      assertRefused(await run(["collect"], { ...here, env }), 78, /Cannot use model definition/);
      assertRefused(await run(["config", "check"], { ...here, env }), 78, /Cannot use model/);
    });
  }
});

Deno.test("a second collector on the same buffer is refused, and the first goes on", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using simulation = await simulate(["--device", "1,103"], here);
  const [endpoint] = simulation.endpoints;
  await Deno.writeTextFile(
    `${folder.path}/c.toml`,
    `[[devices]]\nendpoint = "${endpoint}"\n[metrics]\nport = 0\n` +
      "[poller]\npoll_interval_ms = 50\n[buffer]\npath = 'b.sqlite'\n",
  );
  const flags = ["--config", "c.toml"];
  await using first = start(["collect", ...flags], here);
  await first.told(/"device found"/);
  const writing = /Cannot use buffer "b\.sqlite": another collect or poll is writing to it\n/;
  assertRefused(await run(["collect", ...flags], here), 75, writing);
  assertRefused(await run(["poll", ...flags, "--buffer", "--count", "1"], here), 75, writing);
  assertRefused(
    await run(["drain", ...flags], here),
    75,
    /Cannot use buffer "b\.sqlite": another collect or drain is delivering from it\n/,
  );
  const vacuum = await run(["buffer-vacuum", ...flags, "--json"], here);
  assert.equal(vacuum.code, 0, vacuum.err);
  const { code, err } = await first.stop();
  assert.equal(code, 0);
  assert.match(err, /stopped: devices 1, readings (\d+), file delivered \1, left 0/);
});

Deno.test("who only takes out of a buffer does not make one", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  for (
    const [command, path] of [
      [["buffer-vacuum"], "b.sqlite"],
      [["serve-metrics"], "b.sqlite"],
      [["buffer", "inspect"], "b.sqlite"],
      // Without its folder nobody could make it either: a disk may be away.
      [["drain"], "away/b.sqlite"],
    ] as const
  ) {
    const ended = await run([...command, "--set", `buffer.path=${path}`], here);
    const [, text = ""] = ended.err.split("Cannot open buffer ");
    assertRefused(ended, 1, /no such file; collect or poll/);
    assert.ok(text.startsWith(`"${path}": `), ended.err);
  }
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("a buffer that cannot be is refused by its path", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await Deno.writeTextFile(`${folder.path}/file`, "");
  for (
    const [path, code] of [
      ["/dev/null/b.sqlite", 78],
      ["file/b.sqlite", 78],
      [folder.path, 78],
      ["/proc/b.sqlite", 4],
    ] as const
  ) {
    const poll = ["poll", "127.0.0.1:9", "--buffer", "--count", "1"];
    const ended = await run([...poll, "--set", `buffer.path=${path}`], here);
    assertRefused(ended, code, new RegExp(`Cannot open buffer "${path}": `));
  }
});

/** Puts one reading into a buffer on a disk, and gives the flags that name the two. */
async function filled(cwd: string, disk: string): Promise<{ endpoint: string } & Simulated> {
  const simulation = await simulate(["--device", "1,103"], { cwd });
  const [endpoint] = simulation.endpoints;
  const flags = ["--set", `buffer.path=${disk}/b.sqlite`, "--set", `file.directory=${disk}/out`];
  const stored = await run(["poll", endpoint, "--buffer", "--count", "1", ...flags], { cwd });
  assert.equal(stored.code, 0, stored.err);
  return { endpoint, flags, simulation };
}

interface Simulated {
  readonly flags: readonly string[];
  readonly simulation: AsyncDisposable;
}

diskTest("on a read-only disk nothing starts, and nothing stored is lost", 2048, async (disk) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const { endpoint, flags, simulation } = await filled(folder.path, disk.folder);
  await using _simulation = simulation;
  await disk.remount("ro");
  const poll = ["poll", endpoint, "--buffer", "--count", "1"];
  assertRefused(await run([...poll, ...flags], here), 4, /(read-only|Read-only)/);
  const anew = ["--set", `buffer.path=${disk.folder}/new.sqlite`];
  assertRefused(await run([...poll, ...anew], here), 4, /Read-only file system/);
  await disk.remount("rw");
  const drained = await run(["drain", "-v", ...flags], here);
  assert.equal(drained.err, "2 delivered, file has 0 left, 0 dead letters\n");
});

diskTest(
  "on a full disk each reading that is lost is told, and nothing stored is lost",
  1024,
  async (disk) => {
    using folder = temporaryFolder();
    const here = { cwd: folder.path };
    const { endpoint, flags, simulation } = await filled(folder.path, disk.folder);
    await using _simulation = simulation;
    const filler = await disk.fill();
    const anew = ["--set", `buffer.path=${disk.folder}/new.sqlite`];
    const poll = ["poll", endpoint, "--buffer"];
    assertRefused(
      await run([...poll, "--count", "1", ...anew], here),
      75,
      /Cannot use buffer ".*\/new\.sqlite": the disk is full\n/,
    );
    assertRefused(
      await run(["drain", ...flags], here),
      75,
      /Cannot use buffer ".*\/b\.sqlite": the disk is full or fails\n/,
    );
    await Deno.remove(filler);
    const drained = await run(["drain", "-v", ...flags], here);
    assert.equal(drained.err, "2 delivered, file has 0 left, 0 dead letters\n");
  },
);

diskTest("files that find no room leave the readings where they are", 1024, async (disk) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const { flags, simulation } = await filled(folder.path, folder.path);
  await using _simulation = simulation;
  const filler = await disk.fill();
  const there = [...flags, "--set", `file.directory=${disk.folder}/out`];
  const kept = await run(["drain", ...there, "--give-up", "1ms"], here);
  assert.equal(kept.code, 75, kept.err);
  assert.match(kept.err, /^0 delivered, file has 2 left, 0 dead letters$/m);
  assert.match(kept.err, /^error: Cannot write to folder "\/.*": No space left on device/m);
  await Deno.remove(filler);
  const drained = await run(["drain", "-v", ...there], here);
  assert.equal(drained.err, "2 delivered, file has 0 left, 0 dead letters\n");
  const names = [...Deno.readDirSync(`${disk.folder}/out`)].map(({ name }) => name);
  assert.match(names.join(), /^[^,]+-1-2\.avro$/);
});

/** Runs a command whose reader goes away after the first piece. */
async function readFirst(args: readonly string[], cwd: string): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("../../main.ts", import.meta.url).pathname, ...args],
    cwd,
    clearEnv: true,
    env: neutralEnvironment(),
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const err = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  const { code } = await child.status;
  return { code, out: new TextDecoder().decode(value), err: await err };
}

Deno.test("a reader that goes away, as head does, ends the command without a word", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103,160:100"], { cwd });
  const [endpoint] = simulation.endpoints;
  // Without a count poll would go on for ever.
  const polled = await readFirst(
    ["poll", endpoint, "--interval", "10ms", "--format", "ndjson", "--select", "103.W"],
    cwd,
  );
  assert.deepEqual([polled.code, polled.err], [0, ""]);
  assert.match(polled.out, /^\{"device":/);
  const pace = ["--interval", "10ms", "--set", "buffer.commit_interval_ms=0"];
  const stored = await run(["poll", endpoint, "--buffer", "--count", "20", ...pace], { cwd });
  assert.equal(stored.code, 0, stored.err);
  assert.equal((await run(["drain"], { cwd })).code, 0);
  const [{ name } = assert.fail()] = [...Deno.readDirSync(`${cwd}/readings`)];
  const decoded = await readFirst(["decode", `readings/${name}`], cwd);
  assert.deepEqual([decoded.code, decoded.err], [0, ""]);
  assert.match(decoded.out, /^\{"collector":/);
});

Deno.test("a full disk behind standard output is told, behind standard error it is borne", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103"], { cwd });
  const [endpoint] = simulation.endpoints;
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const told = "error: Cannot write to standard output: No space left on device (os error 28)\n";
  const name = "model,point,value,unit\r\n1,Mn,Helio,\r\n";
  for (
    const [stream, args, code, out, err] of [
      ["1", ["read", endpoint], 1, "", told],
      ["1", ["poll", endpoint, "--interval", "10ms"], 1, "", told],
      ["2", ["read", "x y"], 2, "", ""],
      ["2", ["read", endpoint, "1.Mn", "2.Mn", "--format", "csv"], 1, "", ""],
      ["2", ["read", endpoint, "1.Mn", "--format", "csv"], 0, name, ""],
    ] as const
  ) {
    const shell = ["sh", "-c", `exec "$0" "$@" ${stream}>/dev/full`] as const;
    const command = [...shell, Deno.execPath(), "run", "-A", main] as const;
    assert.deepEqual(await run(args, { cwd, command }), { code, out, err });
  }
});
