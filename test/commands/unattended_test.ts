import assert from "node:assert/strict";
import { runOrThrow } from "../../scripts/services.ts";
import { eventually, freePort, run, simulate, start, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ROUND = ["poll", "--buffer", "--count", "1"];
const SILENCE = { code: 0, out: "", err: "" };

/** The samples of a textfile by what stands before their values. */
function samplesOf(path: string): Map<string, number> {
  const lines = Deno.readTextFileSync(path).split("\n").filter((line) => /^[a-z]/.test(line));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

Deno.test("poll and drain that overlap do not refuse each other; two of a kind do", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using devices = await simulate(["--models", "1,103"], here);
  const [endpoint] = devices.endpoints;
  {
    await using polling = start(
      ["poll", endpoint, "--buffer", "--interval", "50ms", "--jitter", "1ms"],
      here,
    );
    await eventually("readings are stored", async () => {
      const { code, out } = await run(["buffer", "inspect", "--json"], here);
      return code === 0 && JSON.parse(out).rows > 2;
    });
    const second = await run([...ROUND, endpoint], here);
    assert.equal(second.code, 75);
    assert.match(second.err, /another collect or poll is writing to it\n$/);
    assert.deepEqual(await run(["drain"], here), SILENCE);
    assert.equal((await polling.stop()).code, 143);
  }
  // A destination that takes no connection keeps a drain at it.
  const down = ["--set", `kafka.brokers=127.0.0.1:${freePort("127.0.0.1")}`];
  await using draining = start(["drain", ...down, "--give-up", "25s"], here);
  await draining.told(/127\.0\.0\.1/);
  const second = await run(["drain", ...down], here);
  assert.equal(second.code, 75);
  assert.match(second.err, /another collect or drain is delivering from it\n$/);
  assert.deepEqual(await run([...ROUND, endpoint], here), SILENCE);
  assert.equal((await draining.stop()).code, 143);
});

Deno.test("before the first poll a drain has nothing to deliver, says so and makes no buffer", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const { code, out, err } = await run(["drain", "--textfile", "run.prom"], here);
  assert.deepEqual([code, out], [0, ""]);
  assert.equal(
    err,
    'nothing to deliver: there is no buffer "sunspec-buffer.sqlite" yet; collect or poll --buffer ' +
      "make it, see buffer.path\n",
  );
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["run.prom"]);
  const samples = samplesOf(`${folder.path}/run.prom`);
  assert.equal(samples.get(exitCodeOf("drain")), 0);
  const delivered = 'sunspool_run_readings{command="drain",output="file",result="delivered"}';
  assert.equal(samples.get(delivered), 0);
});

Deno.test("a wait by chance begins after the configuration is read, holds no lock, and heeds signals", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using devices = await simulate(["--models", "1,103"], here);
  const long = ["--jitter", "86400s", "--textfile", "run.prom"];
  await Deno.writeTextFile(`${folder.path}/wrong.toml`, "[kafka]\nacks = 7\n");
  const wrong = await run(["drain", ...long, "--config", "wrong.toml"], here);
  assert.equal(wrong.code, 78, wrong.err);
  for (
    const [words, signal, code] of [
      [[...ROUND, devices.endpoints[0]], "SIGTERM", 143],
      [["drain"], "SIGINT", 130],
    ] as const
  ) {
    await using waiting = start([...words, ...long, "--verbose"], here);
    const [said] = await waiting.told(/^starts in [\d.]+ s\n/);
    assert.throws(() => Deno.statSync(`${folder.path}/sunspec-buffer.sqlite`));
    assert.deepEqual(await waiting.stop(signal), { code, out: "", err: said });
    assert.equal(samplesOf(`${folder.path}/run.prom`).get(exitCodeOf(words[0])), code);
  }
});

const exitCodeOf = (command = "") => `sunspool_run_exit_code{command="${command}"}`;

Deno.test("a round says nothing when all went well, unless it is asked", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using devices = await simulate(["--models", "1,103"], here);
  const [endpoint] = devices.endpoints;
  assert.deepEqual(await run([...ROUND, endpoint], here), SILENCE);
  const asked = await run([...ROUND, endpoint, "--verbose"], here);
  assert.match(asked.err, /^1 polls of 1 devices: 1 ok, 0 failed, 2 readings, [\d/]+ ms .*\n$/);
  const failed = await run([...ROUND, endpoint, "--unit", "1,9", "--timeout", "100ms"], here);
  assert.equal(failed.code, 3);
  assert.match(failed.err, /^error: .*\n2 polls of 2 devices: 1 ok, 1 failed/);
  // Several rounds have statistics that are worth telling.
  const several = await run(["poll", endpoint, "--buffer", "-n", "2", "-i", "10ms"], here);
  assert.match(several.err, /^2 polls of 1 devices: 2 ok, /);
  assert.deepEqual(await run(["drain"], here), SILENCE);
  assert.equal(
    (await run(["drain", "-v"], here)).err,
    "0 delivered, file has 0 left, 0 dead letters\n",
  );
});

Deno.test("a buffer file that is set aside is told of, to people and in the data", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using devices = await simulate(["--models", "1,103"], here);
  await Deno.writeTextFile(`${folder.path}/sunspec-buffer.sqlite`, "garbage ".repeat(1000));
  const { code, err } = await run([...ROUND, devices.endpoints[0]], here);
  assert.equal(code, 0);
  const { level, event, file } = JSON.parse(err);
  assert.deepEqual([level, event], ["error", "buffer_set_aside"]);
  assert.match(file, /^sunspec-buffer\.sqlite\.corrupt-/);
  const { out } = await run(["buffer", "export"], here);
  const records = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(records.map(({ position, kind }) => [position, kind]), [
    [1, "event"],
    [2, "reading"],
    [3, "reading"],
  ]);
  assert.equal(records[0].points[0].text, "buffer_set_aside");
});

serviceTest(
  "the textfile has what an alert needs, however the run ended",
  ["promtool"],
  async ({ promtool }) => {
    using folder = temporaryFolder();
    const here = { cwd: folder.path };
    await using devices = await simulate(["--models", "1,103"], here);
    const [endpoint] = devices.endpoints;
    const path = `${folder.path}/run.prom`;
    const told = ["--textfile", "run.prom"];
    /** Runs it and gives what it left, which everybody may read and Prometheus finds no fault in. */
    const left = async (code: number, ...words: readonly string[]) => {
      const before = Date.now() / 1000;
      const ended = await run([...words, ...told], here);
      assert.equal(ended.code, code, ended.err);
      assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o644);
      const text = Deno.readTextFileSync(path);
      assert.equal(await runOrThrow(promtool, ["check", "metrics"], { input: text }), "");
      const samples = samplesOf(path);
      for (const name of samples.keys()) assert.match(name, /^sunspool_/);
      const of = `{command="${words[0]}"}`;
      assert.equal(samples.get(`sunspool_run_exit_code${of}`), code);
      assert.ok((samples.get(`sunspool_run_timestamp_seconds${of}`) ?? 0) >= before);
      return { samples, success: samples.get(`sunspool_run_last_success_timestamp_seconds${of}`) };
    };
    const never = await left(1, ...ROUND, `127.0.0.1:${freePort("127.0.0.1")}`);
    assert.equal(never.success, 0);
    assert.equal(never.samples.get('sunspool_run_polls{command="poll",result="failed"}'), 1);

    const polled = await left(0, ...ROUND, endpoint);
    assert.ok((polled.success ?? 0) > Date.now() / 1000 - 60);
    const committed = 'sunspool_run_readings{command="poll",output="buffer",result="committed"}';
    assert.equal(polled.samples.get(committed), 2);
    assert.equal(polled.samples.get('sunspool_run_polls{command="poll",result="ok"}'), 1);

    await Deno.writeTextFile(`${folder.path}/wrong.toml`, "[kafka]\nacks = 7\n");
    const broken = await left(78, ...ROUND, endpoint, "--config", "wrong.toml");
    assert.equal(broken.success, polled.success);

    await Deno.writeTextFile(`${folder.path}/readings`, "a file where the folder should be");
    const kept = await left(75, "drain", "--give-up", "1ms");
    assert.equal(kept.success, 0);
    assert.equal(kept.samples.get('sunspool_output_backlog{output="file"}'), 2);
    assert.ok((kept.samples.get('sunspool_output_lag_seconds{output="file"}') ?? 0) > 0);
    await Deno.remove(`${folder.path}/readings`);

    const drained = await left(0, "drain");
    const delivered = 'sunspool_run_readings{command="drain",output="file",result="delivered"}';
    assert.equal(drained.samples.get(delivered), 2);
    assert.equal(drained.samples.get('sunspool_output_backlog{output="file"}'), 0);
    assert.equal(drained.samples.get("sunspool_dead_letters"), 0);

    const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
    assert.deepEqual(names.filter((name) => name.includes(".prom")), ["run.prom"]);
  },
);

Deno.test("a textfile that cannot be written fails a run, and is no reason to forget why one failed", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using devices = await simulate(["--models", "1,103"], here);
  const [endpoint] = devices.endpoints;
  await Deno.symlink("elsewhere", `${folder.path}/link.prom`);
  for (
    const [file, code, why] of [
      ["absent/run.prom", 1, /^error: Cannot write "absent\/run\.prom": No such file/],
      [
        "link.prom",
        4,
        /^error: Cannot write "link\.prom": something else than a file has that name/,
      ],
    ] as const
  ) {
    const ended = await run([...ROUND, endpoint, "--textfile", file], here);
    assert.equal(ended.code, code, ended.err);
    assert.match(ended.err, why);
  }
  await Deno.writeTextFile(`${folder.path}/wrong.toml`, "[kafka]\nacks = 7\n");
  const both = await run(["drain", "--config", "wrong.toml", "--textfile", "link.prom"], here);
  assert.equal(both.code, 78);
  assert.match(both.err, /^error: Cannot write "link\.prom".*\nerror: .*kafka\.acks/);
  const usage = await run(["poll", endpoint, "--count", "1", "--textfile", "run.prom"], here);
  assert.deepEqual(usage, {
    code: 2,
    out: "",
    err: "error: --textfile tells of readings that are stored: give --buffer as well\n",
  });
});
