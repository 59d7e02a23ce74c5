import assert from "node:assert/strict";
import {
  DeviceAccess,
  deviceOptions,
  ownSessionOptions,
  requireDevice,
  sessionOptions,
  unitIdList,
} from "../../lib/compose/devices.ts";
import { loadConfig, settings } from "../../lib/config/mod.ts";
import {
  ModbusException,
  parseEndpoint,
  type Transport,
  TransportError,
} from "../../lib/core/mod.ts";
import { serveModbus } from "../../lib/modbus/mod.ts";
import { loopbackNet, temporaryFolder } from "../program.ts";

function configWith(toml: string) {
  using folder = temporaryFolder();
  const file = `${folder.path}/x.toml`;
  Deno.writeTextFileSync(file, toml);
  return loadConfig({ file, overrides: [], env: () => undefined });
}

const never = new AbortController().signal;

Deno.test("modbus.timeout_ms overrides poller.request_timeout_ms everywhere", () => {
  const slow = configWith("[poller]\nrequest_timeout_ms = 5000\n");
  assert.equal(sessionOptions(slow).requestTimeoutMs, 5000);
  const quick = configWith("[poller]\nrequest_timeout_ms = 5000\n[modbus]\ntimeout_ms = 300\n");
  assert.equal(sessionOptions(quick).requestTimeoutMs, 300);
});

Deno.test("what an entry says of its device goes before the general options", () => {
  const config = configWith(`
[sunspec]
base_address = 40000
[modbus]
max_batch_size = 100
[[devices]]
endpoint = "a"
[[devices]]
endpoint = "b"
base_address = 0
max_registers = 10
models = [103]
timeout_ms = 700
session = "release"
`);
  const [plain, own] = config.get(settings.devices);
  const general = deviceOptions(config);
  assert.deepEqual(deviceOptions(config, plain), general);
  assert.deepEqual(ownSessionOptions(plain), {});
  assert.deepEqual(ownSessionOptions(undefined), {});
  assert.deepEqual(deviceOptions(config, own), {
    ...general,
    baseAddress: 0,
    maxRegisters: 10,
    models: [103],
  });
  assert.deepEqual(ownSessionOptions(own), {
    requestTimeoutMs: 700,
    connectTimeoutMs: 700,
    session: "release",
  });
});

Deno.test("auto is the unit ids that vendors use, 1 and 126 among them", () => {
  assert.deepEqual(unitIdList([4, 5]), [4, 5]);
  const auto = unitIdList("auto");
  for (const id of [1, 126, 71, 200, 204, 240, 244]) assert.ok(auto.includes(id), String(id));
  assert.equal(auto[0], 1);
  assert.equal(new Set(auto).size, auto.length);
});

Deno.test("a Modbus device without SunSpec is an error that says which unit ids to try", async () => {
  const hostname = `${loopbackNet()}.1`;
  await using server = serveModbus({ hostname, port: 0 }, () => 2);
  using access = new DeviceAccess(configWith(""));
  const place = `${hostname}:${server.port}`;
  for (
    const [unitId, ids] of [
      [1, "auto, 126, 124 or 71"],
      [3, "auto, 126 or 71"],
      [71, "auto, 126 or 194"],
      [126, "auto or 71"],
      [200, "auto, 126 or 71"],
    ] as const
  ) {
    await assert.rejects(access.open(parseEndpoint(place), unitId, never), (error) => {
      assert.ok(error instanceof TransportError);
      assert.equal(
        error.message,
        `Cannot read "${place}" unit ${unitId}: it answers Modbus, but has no SunSpec map at ` +
          `40000, 0, 50000; try --unit ${ids}`,
      );
      return true;
    });
  }
});

Deno.test("a busy device is not told to have no map", async () => {
  const hostname = `${loopbackNet()}.1`;
  using access = new DeviceAccess(configWith("[modbus]\nretry_count = 0"));
  for (const code of [5, 6]) {
    await using server = serveModbus({ hostname, port: 0 }, () => code);
    const place = `${hostname}:${server.port}`;
    const said = {
      name: "BusyDeviceError",
      code,
      message: `Cannot read "${place}" unit 1: it answers that it is busy (exception ${code}); ` +
        "try again later: another client may be asking it",
    };
    await assert.rejects(access.open(parseEndpoint(place), 1, never), said);
    await assert.rejects(access.probe(parseEndpoint(place), 1, never), said);
  }
});

Deno.test("a gateway that speaks for an absent unit is told apart from a refusing device", async () => {
  const transport = (code: number): Transport => ({
    endpoint: "gateway:502",
    unitId: 7,
    readRegisters: () => Promise.reject(new ModbusException(code, "a read")),
  });
  const options = deviceOptions(configWith(""));
  for (const code of [10, 11]) {
    await assert.rejects(requireDevice(transport(code), options, never), (error) => {
      assert.ok(error instanceof TransportError && error.cause instanceof ModbusException);
      assert.equal(
        error.message,
        'Cannot read "gateway:502" unit 7: the gateway says that no device answers there ' +
          `(exception ${code}); try another --unit, or --unit auto`,
      );
      return true;
    });
  }
});
