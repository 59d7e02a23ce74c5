import assert from "node:assert/strict";
import { diskTest } from "../buffer/small_disk.ts";
import { eventually, run, simulate, start, temporaryFolder } from "../program.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Runs the program with files that may not grow beyond 2 MiB, which SQLite takes for a bad disk. */
const ON_A_BAD_DISK = [
  ...["sh", "-c", 'trap "" XFSZ; ulimit -f 4096; exec "$@"', "sh"],
  ...[Deno.execPath(), "run", "-A", MAIN],
] as [string, ...string[]];

const QUICK = {
  SUNSPEC_POLL_INTERVAL_MS: "20",
  SUNSPEC_BUFFER_COMMIT_INTERVAL_MS: "10",
  SUNSPEC_METRICS_PORT: "0",
  SUNSPEC_FILE_ROLL_S: "1",
};

/** A configuration with one device. */
async function configure(cwd: string, endpoint: string): Promise<readonly string[]> {
  await Deno.writeTextFile(`${cwd}/collect.toml`, `[[devices]]\nendpoint = "${endpoint}"\n`);
  return ["--config", "collect.toml"];
}

/** Every record that was delivered, by position. */
async function deliveredTo(cwd: string) {
  const names = [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => `readings/${name}`);
  const { code, out, err } = await run(["decode", ...names], { cwd });
  assert.equal(code, 0, err);
  const records = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  return records.toSorted((a, b) => a.position - b.position);
}

Deno.test("on a disk that fails collect ends by itself, and the next start has everything", async (t) => {
  for (const isolate of ["false", "true"]) {
    await t.step(`isolate = ${isolate}`, async () => {
      using folder = temporaryFolder();
      const cwd = folder.path;
      // 150 modules make some 20 kB a reading.
      await using simulation = await simulate(["--device", "1,160:150"], { cwd });
      const [endpoint] = simulation.endpoints;
      const env = { ...QUICK, SUNSPEC_BUFFER_ISOLATE: isolate };
      // Nothing can be delivered, so that the buffer grows.
      await Deno.writeTextFile(`${cwd}/readings`, "a file where the folder should be");
      const config = await configure(cwd, endpoint);
      await using failing = start(["collect", ...config], { cwd, env, command: ON_A_BAD_DISK });
      const { code, err } = await failing.end();
      assert.equal(code, 75, err);
      assert.match(
        err,
        /^error: Cannot use buffer "sunspec-buffer\.sqlite" any longer: disk I\/O error; what is/m,
      );

      await Deno.remove(`${cwd}/readings`);
      const { err: drained } = await run(["drain", "-v"], { cwd });
      assert.match(drained, /^\d+ delivered, file has 0 left, 0 dead letters\n$/m);
      const records = await deliveredTo(cwd);
      assert.ok(records.length > 20, `${records.length} readings`);
      assert.deepEqual(records.map(({ position }) => position), records.map((_, i) => i + 1));
    });
  }
});

diskTest(
  "a disk that others fill stops nothing for good: collect goes on, and tells what was lost",
  6 * 1024,
  async (disk) => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    await using simulation = await simulate(["--device", "1,160:150"], { cwd });
    const [endpoint] = simulation.endpoints;
    const path = `buffer.path=${disk.folder}/buffer.sqlite`;
    const set = [...await configure(cwd, endpoint), "--set", path, "--log-level", "debug"];
    // The ballast makes up for some; this is for what is beyond.
    const small = ["--set", "buffer.max_bytes=16MiB"];
    await Deno.writeTextFile(`${cwd}/readings`, "a file where the folder should be");
    await using collect = start(["collect", ...set, ...small], { cwd, env: QUICK });
    await collect.told(/"device found"/);
    const filler = await disk.fill();
    await collect.told(/readings cannot be kept: /);
    await Deno.remove(filler);
    await Deno.remove(`${cwd}/readings`);
    await eventually(
      "something is delivered",
      () =>
        [...Deno.readDirSync(cwd)].some(({ name, isDirectory }) =>
          name === "readings" && isDirectory
        ),
    );
    const { code, err } = await collect.stop();
    assert.equal(code, 0, err);
    const [, readings, left] = /stopped: devices 1, readings (\d+), .*left (\d+)/.exec(err) ?? [];
    assert.equal(left, "0");
    const records = await deliveredTo(cwd);
    assert.deepEqual(records.map(({ position }) => position), records.map((_, i) => i + 1));
    const gaps = records.filter(({ kind }) => kind === "gap").map(({ gap }) => gap);
    const stored = records.filter(({ kind }) => kind === "reading");
    assert.equal(stored.length, Number(readings));
    const lost = [...err.matchAll(/readings cannot be kept: .*"lost":(\d+)/g)]
      .reduce((sum, [, count]) => sum + Number(count), 0);
    const told = gaps.reduce((sum, { count }) => sum + count, 0);
    assert.ok(lost > 0);
    assert.equal(told, lost);
    assert.ok(gaps.every(({ output, reason }) => output === "file" && reason === "disk_full"));
  },
);
