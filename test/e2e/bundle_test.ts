import assert from "node:assert/strict";
import { VERSION } from "../../lib/version.ts";
import { bundle } from "../../scripts/build/bundle.ts";
import { eventually, run, simulate, start, temporaryFolder } from "../program.ts";

Deno.test("the bundled program works outside the checkout: version, read, collect with a thread, decode", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await bundle(`${cwd}/program`);
  const alone = ["--no-config", "--no-lock", "--cached-only", "--no-remote"];
  const program = ["run", "-A", "--unstable-net", ...alone, "program/sunspool.js"];
  const output = async (args: readonly string[]) => {
    const { code, out, err } = await run(args, { cwd, program });
    assert.equal(code, 0, err);
    return out;
  };
  assert.equal(JSON.parse(await output(["version", "--json"])).sunspool, VERSION);
  assert.match(await output(["completion", "bash", "read", "--ex"]), /^--explain/m);
  const all = [...Deno.readDirSync(`${cwd}/program`)].length;
  const looked = await seenAtStart(`${cwd}/program/sunspool.js`);
  assert.ok(looked.length < all / 4, `a start looks through ${looked.length} files of ${all}`);

  await using devices = await simulate(["--models", "1,103,160:2"], { cwd });
  const endpoint = devices.endpoints[0];
  const { device, models } = JSON.parse(await output(["read", endpoint, "103.W", "--json"]));
  assert.equal(device.serial_number, "SN0001");
  assert.equal(typeof models[0].points.W, "number");

  await Deno.writeTextFile(
    `${cwd}/sunspool.toml`,
    await output(["discover", endpoint, "--write-config"]),
  );
  const quick = ["--set", "metrics.port=0", "--set", "poller.poll_interval_ms=100"];
  const isolated = ["--set", "buffer.isolate=true"];
  await using collector = start(["collect", "--config", "sunspool.toml", ...quick, ...isolated], {
    cwd,
    program,
  });
  await collector.told(/"sunspool \S+ collects".*"isolated":true/);
  await collector.told(/"device found"/);
  await eventually("a file is being written", () => [...files(cwd)].length > 0);
  const { code, err } = await collector.stop();
  assert.equal(code, 0, err);

  const records = (await output(["decode", ...files(cwd)])).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.deepEqual(
    [...new Set(records.map(({ source }) => source))].sort(),
    ["sunspec/1", "sunspec/103", "sunspec/160"],
  );
});

/** The files that Deno looks through before it runs the program. */
async function seenAtStart(entry: string): Promise<readonly unknown[]> {
  const program = ["info", "--json", "--no-config", entry];
  const { out } = await run([], { cwd: ".", program });
  return JSON.parse(out).modules;
}

function files(cwd: string): string[] {
  try {
    return [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => `readings/${name}`);
  } catch {
    return [];
  }
}
