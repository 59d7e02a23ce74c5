import assert from "node:assert/strict";
import { publishedModels } from "../../models/sunspec/mod.ts";
import { UsageError } from "../../lib/core/mod.ts";
import { sunspec } from "../../lib/drivers/sunspec.ts";
import { Sessions } from "../../lib/modbus/mod.ts";
import { parseEndpointSpec, serveEndpoint } from "../../lib/simulate/mod.ts";
import { Definitions } from "../../lib/sunspec/mod.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const forever = new AbortController().signal;

Deno.test("parseEndpointSpec() understands models, groups, base and units", () => {
  const one = (id: number, groups = 1) => ({ id, groups });
  for (
    const [text, models, baseAddress, unitIds] of [
      ["1", [one(1)], 40_000, [1]],
      ["1,103,160:3", [one(1), one(103), one(160, 3)], 40_000, [1]],
      ["1,103@0", [one(1), one(103)], 0, [1]],
      ["1,103/1-4", [one(1), one(103)], 40_000, [1, 2, 3, 4]],
      ["1,160:0@50000/1,126", [one(1), one(160, 0)], 50_000, [1, 126]],
    ] as const
  ) {
    assert.deepEqual(parseEndpointSpec(text), { models, baseAddress, unitIds });
  }
  for (
    const text of [
      "",
      "x",
      "1,",
      "1,,2",
      "1:",
      ":1",
      "1:2:3",
      "1@",
      "1@70000",
      "1/",
      "1/300",
      "1/auto",
      "1@0@0",
      "-1",
    ]
  ) {
    assert.throws(() => parseEndpointSpec(text), UsageError, text);
  }
});

Deno.test("an endpoint is read over TCP as any device is, each unit id on its own", async () => {
  let n = 0;
  const spec = parseEndpointSpec("1,103,160:2@0/1,3");
  const at = { hostname: "127.0.0.1", port: 0, index: 4 };
  await using endpoint = await serveEndpoint(spec, at, new Definitions(publishedModels), () => n);
  using sessions = new Sessions({
    connectTimeoutMs: 20_000,
    requestTimeoutMs: 20_000,
    retryCount: 0,
    retryBackoffMs: 1,
    retryMaxBackoffMs: 1,
    interReadDelayMs: 0,
    session: "hold",
    random: () => 0.5,
  });
  const session = sessions.get({ scheme: "tcp", host: endpoint.hostname, port: endpoint.port });
  const options = {
    baseAddress: undefined,
    maxRegisters: 125,
    readAhead: 0,
    models: undefined,
    modelsDir: undefined,
    registers: true,
  };
  for (const [i, [unitId, serial]] of ([[1, "SN0005"], [3, "SN0005-3"]] as const).entries()) {
    const device = await sunspec.open(session.unit(unitId), options, forever);
    assert.ok(device);
    assert.equal(device.identity.id, `Helio-H-10-${serial}`);
    assert.deepEqual(device.sources.map(({ modelId }) => modelId), [1, 103, 160]);
    for (const state of [5, 6]) {
      n = state;
      const readings = await device.read({ statics: true }, forever);
      const registers = readings.map(({ registers }) => registers?.toHex()).join("");
      assert.equal(`53756e53${registers}ffff0000`, endpoint.devices[i]?.mapAt(n).toHex());
    }
  }
  const absent = session.unit(2).readRegisters(
    { functionCode: 3, address: 0, quantity: 2 },
    forever,
  );
  await assert.rejects(absent, { name: "ModbusException", code: 11 });
});
