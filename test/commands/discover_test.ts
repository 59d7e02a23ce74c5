import assert from "node:assert/strict";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { serveModbus } from "../../lib/modbus/mod.ts";
import { parseEndpointSpec, simulateDevice } from "../../lib/simulate/mod.ts";
import { run, simulate, start, temporaryFolder } from "../program.ts";

const IDS = ["Helio-H-10-SN0001", "Helio-H-10-SN0001-2"];

/** A device that refuses to give more registers than that at once. */
async function serveSmall(most: number) {
  const spec = parseEndpointSpec("1,103");
  const device = await simulateDevice({
    identity: { manufacturer: "Helio", model: "S", options: "", version: "1", serialNumber: "S1" },
    ...{ unitId: 1, seed: 1, baseAddress: spec.baseAddress, models: spec.models },
  }, await sunspecDefinitions(undefined));
  const server = serveModbus(
    { hostname: "127.0.0.1", port: 0 },
    (_unit, { address, quantity }) => quantity > most ? 3 : device.read(address, quantity, 0),
  );
  return {
    endpoint: `127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

Deno.test("discover", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using simulation = await simulate(["--device", "1,103/1-2", "--device", "1,113@123"], here);
  const [gateway, odd = ""] = simulation.endpoints;

  await t.step("prints identity and models without values", async () => {
    const { code, out, err } = await run(["discover", gateway, "--json"], here);
    assert.deepEqual([code, err], [0, ""]);
    const { device, models, base_address } = JSON.parse(out);
    assert.deepEqual([device.id, device.unit_id, base_address], [IDS[0], 1, 40_000]);
    assert.deepEqual(models, [
      { id: 1, name: "common", instance: 1, address: 40_002, length: 66 },
      { id: 103, name: "inverter_three_phase", instance: 1, address: 40_070, length: 50 },
    ]);
    const table = await run(["discover", gateway, "--unit", "1,2"], here);
    assert.match(table.out, /^DEVICE +UNIT +MODEL +NAME +INSTANCE +ADDRESS +LENGTH$/m);
    assert.match(
      table.out,
      /^Helio-H-10-SN0001-2 +2 +103 +inverter_three_phase +1 +40070 +50$/m,
    );
  });

  await t.step("an absent unit is a partial failure", async () => {
    const { code, out, err } = await run(["discover", gateway, "--unit", "2,3", "--json"], here);
    assert.equal(code, 3);
    assert.equal(JSON.parse(out)[0]?.device.unit_id, 2);
    assert.match(err, /^error: Cannot read ".*" unit 3: .*\n$/);
  });

  await t.step("--write-config prints TOML that collect runs unchanged", async () => {
    const written = await run(["discover", gateway, "--unit", "auto", "--write-config"], here);
    assert.deepEqual([written.code, written.err], [0, ""]);
    await Deno.writeTextFile(`${folder.path}/sunspool.toml`, written.out);
    const check = await run(["config", "check", "--config", "sunspool.toml"], here);
    assert.deepEqual([check.code, check.out], [0, "sunspool.toml: ok\n"]);
    await using collect = start(["collect", "--config", "sunspool.toml"], {
      ...here,
      env: { SUNSPEC_METRICS_PORT: "0", SUNSPEC_POLL_INTERVAL_MS: "50" },
    });
    for (const id of IDS) await collect.told(new RegExp(`"device found","device":"${id}"`));
    assert.equal((await collect.stop()).code, 0);
  });

  await t.step("what it took to find the device is written too", async () => {
    const flags = ["--base-address", "123", "--timeout", "900", "--max-registers", "50"];
    const written = await run(["discover", odd, ...flags, "--write-config"], here);
    assert.equal(
      written.out,
      `# Made by: sunspool discover --write-config. Run it with: sunspool collect --config FILE

[[devices]]
endpoint = "${odd}"
unit_ids = [1]
base_address = 123
timeout_ms = 900
max_registers = 50
# 1: Helio-H-10-SN0002
`,
    );
    await Deno.writeTextFile(`${folder.path}/odd.toml`, written.out);
    const polled = await run(
      ["poll", "--config", "odd.toml", "--count", "1", "--format", "ndjson"],
      here,
    );
    assert.equal(polled.code, 0, polled.err);
    assert.equal(JSON.parse(polled.out).device.id, "Helio-H-10-SN0002");
  });

  await t.step("what the device taught is written too", async () => {
    await using server = await serveSmall(20);
    const written = await run(["discover", server.endpoint, "--write-config"], here);
    assert.deepEqual([written.code, written.err], [0, ""]);
    assert.match(written.out, /^max_registers = 17$/m);
  });

  await t.step("nothing is printed when nothing is found", async () => {
    const { code, out, err } = await run(["discover", odd, "--write-config"], here);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /^error: Cannot read ".*" unit 1: it answers Modbus, but has no SunSpec map/);
  });
});
