import assert from "node:assert/strict";
import { serveModbus } from "../../lib/modbus/mod.ts";
import { simulateDevice } from "../../lib/simulate/mod.ts";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { eventually, loopbackNet, run, start, temporaryFolder } from "../program.ts";

/** Clears the screen, names the window, turns text around, forges a line, a formula, a label, markup. */
const HOSTILE = {
  manufacturer: "=cmd|' /C'!A1\u001b[2J\u009b31m",
  model: '"},x\u202Eevil\n\r\u2028a\u200b',
  options: "\u001b]0;owned\u0007<b>",
  version: "@SUM(1)\u0000\u007f",
  serialNumber: "../../x\nW 1\\",
};
// deno-lint-ignore no-control-regex
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/;

/** A device that wants to be more than a device. */
async function hostileDevice() {
  const device = await simulateDevice({
    identity: HOSTILE,
    unitId: 1,
    seed: 1,
    baseAddress: 40_000,
    models: [{ id: 1, groups: 1 }, { id: 103, groups: 1 }],
  }, await sunspecDefinitions(undefined));
  const at = { hostname: `${loopbackNet()}.1`, port: 0 };
  return serveModbus(at, (_unit, { address, quantity }) => device.read(address, quantity, 0));
}

function assertHarmless(text: string, where: string): void {
  const line = text.split("\n").find((line) => STEERING.test(line.replace(/\r$/, "")));
  assert.equal(line, undefined, `${where}: ${JSON.stringify(line)}`);
}

/** Each cell of a CSV text, quotes taken off. */
function cellsOf(csv: string): string[] {
  return [...csv.matchAll(/"((?:[^"]|"")*)"|([^",\r\n]+)/g)].map(([, quoted, bare = ""]) =>
    quoted ?? bare
  );
}

Deno.test("what a device calls itself steers no terminal, forges no line and is no formula", async (t) => {
  using folder = temporaryFolder();
  const { path: cwd } = folder;
  await using server = await hostileDevice();
  const endpoint = `${server.hostname}:${server.port}`;
  const scan = ["scan", server.hostname, "--port", String(server.port)];
  for (const format of ["table", "json", "ndjson", "csv"]) {
    for (
      const words of [["read", endpoint], ["discover", endpoint], scan, [
        "poll",
        endpoint,
        "--count",
        "1",
      ]]
    ) {
      const { code, out, err } = await run([...words, "--format", format], { cwd });
      assert.equal(code, 0, err);
      assertHarmless(out, `${words[0]} ${format}`);
      assertHarmless(err, `${words[0]} ${format}`);
      if (format !== "csv") continue;
      for (const cell of cellsOf(out)) assert.doesNotMatch(cell, /^[=@]|^[-+](?![\d.])/, out);
    }
  }
  await t.step("JSON is exact", async () => {
    const { out } = await run(["read", endpoint, "1", "--json"], { cwd });
    const { Mn, Md } = JSON.parse(out).models[0].points;
    assert.deepEqual([Mn, Md], [HOSTILE.manufacturer, HOSTILE.model]);
  });
  await t.step("it adds no line to a configuration", async () => {
    const { out } = await run(["discover", endpoint, "--write-config"], { cwd });
    assert.equal(out.trimEnd().split("\n").length, 6, out);
    await Deno.writeTextFile(`${cwd}/site.toml`, out);
    assert.equal((await run(["config", "check", "--config", "site.toml"], { cwd })).code, 0);
  });
  await t.step("nor does it so out of the buffer", async () => {
    const set = ["--set", "metrics.port=0", "--set", "buffer.path=kept.sqlite"];
    const stored = await run(["poll", endpoint, "--buffer", "--count", "1", ...set], { cwd });
    assert.equal(stored.code, 0, stored.err);
    for (const words of ["buffer export", "buffer inspect", "doctor --config site.toml"]) {
      const { out, err } = await run([...words.split(" "), ...set], { cwd });
      assert.notEqual(out, "", err);
      assertHarmless(out + err, words);
    }
    const { out } = await run(["buffer", "export", ...set], { cwd });
    assert.match(out, /"Mn"/);
  });
  for (const format of ["text", "json"]) {
    await t.step(`collect, its ${format} log, its metrics and its files`, async () => {
      await using collect = start(["collect", "--config", "site.toml"], {
        cwd,
        env: {
          SUNSPEC_LOG_FORMAT: format,
          SUNSPEC_LOG_LEVEL: "debug",
          SUNSPEC_METRICS_PORT: "0",
          SUNSPEC_POLL_INTERVAL_MS: "50",
        },
      });
      const [, place] = await collect.told(/metrics are served.*?(127[\d.]+:\d+)/);
      const metrics = await eventually("it is polled", async () => {
        const text = await (await fetch(`http://${place}/metrics`)).text();
        return /^sunspool_device_up\{.* 1$/m.test(text) && text;
      });
      assertHarmless(metrics, "/metrics");
      for (const line of metrics.split("\n").filter(Boolean)) {
        assert.match(line, /^#|^\w+(\{(\w+="(\\.|[^"\\])*",?)*\})? [-+\d.eNaInf]+$/);
      }
      assertHarmless(await (await fetch(`http://${place}/healthz`)).text(), "/healthz");
      const { code, err } = await collect.stop();
      assert.equal(code, 0, err);
      assertHarmless(err, `log ${format}`);
      assert.match(err, /device found/);
      for (const { name } of Deno.readDirSync(`${cwd}/readings`)) {
        assert.match(name, /^sunspool-[0-9a-f]{8}-\d+-\d+-\d+\.avro$/);
      }
    });
  }
});
