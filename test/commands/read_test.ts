import assert from "node:assert/strict";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { serveModbus } from "../../lib/modbus/mod.ts";
import { parseEndpointSpec, simulateDevice } from "../../lib/simulate/mod.ts";
import { run, simulate, temporaryFolder } from "../program.ts";

/** A gateway with unit ids 1 and 2, an inverter of three strings, a map at 0, a float model, 7xx. */
const DEVICES = [
  ...["--device", "1,120,103/1-2"],
  ...["--device", "1,103,160:3"],
  ...["--device", "1,103@0"],
  ...["--device", "1,113"],
  ...["--device", "1,701,702"],
];

Deno.test("read", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using simulation = await simulate([...DEVICES, "--step-ms", "3600000"], here);
  const [gateway, strings = "", atZero = "", float = "", der = ""] = simulation.endpoints;

  const json = async (...args: readonly string[]) => {
    const { code, out, err } = await run(["read", ...args, "--json"], here);
    assert.deepEqual([code, err], [0, ""], err);
    return JSON.parse(out);
  };

  await t.step("--json is the document of the contract", async () => {
    const document = await json(gateway);
    assert.deepEqual(document.device, {
      id: "Helio-H-10-SN0001",
      manufacturer: "Helio",
      model: "H-10",
      options: "",
      version: "1.2",
      serial_number: "SN0001",
      endpoint: gateway,
      unit_id: 1,
    });
    assert.equal(document.base_address, 40_000);
    assert.equal(document.chain_end, "end_model");
    assert.match(document.read_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(
      document.models.map(({ points: _, ...model }: { points: unknown }) => model),
      [
        { id: 1, name: "common", instance: 1, address: 40_002, length: 66 },
        { id: 120, name: "nameplate", instance: 1, address: 40_070, length: 26 },
        { id: 103, name: "inverter_three_phase", instance: 1, address: 40_098, length: 50 },
      ],
    );
    const { points } = document.models[2];
    assert.deepEqual(Object.keys(points).slice(0, 4), ["ID", "L", "A", "AphA"]);
    assert.deepEqual([points.ID, points.L, points.St, points.Evt1], [103, 50, "MPPT", []]);
    assert.equal(typeof points.W, "number");
    // Tenths of a volt, scaled exactly.
    assert.equal(points.PhVphA, Math.round(points.PhVphA * 10) / 10);
  });

  await t.step("a repeating group is an array of objects", async () => {
    const [mppt] = (await json(strings, "160")).models;
    assert.equal(mppt.points.module.length, 3);
    assert.deepEqual(Object.keys(mppt.points.module[0]).slice(0, 3), ["ID", "IDStr", "DCA"]);
  });

  await t.step("every base address is found, and every kind of model read", async () => {
    for (
      const [endpoint, base, models] of [
        [atZero, 0, [1, 103]],
        [float, 40_000, [1, 113]],
        [der, 40_000, [1, 701, 702]],
      ] as const
    ) {
      const document = await json(endpoint);
      assert.equal(document.base_address, base);
      assert.deepEqual(document.models.map(({ id }: { id: number }) => id), models);
    }
  });

  await t.step("a selection names models and points, by id or name", async () => {
    for (
      const [select, want] of [
        [["103.W"], { 103: ["W"] }],
        [["inverter_three_phase.St", "120.WRtg"], { 120: ["WRtg"], 103: ["St"] }],
      ] as const
    ) {
      const { models } = await json(gateway, ...select);
      const names = models.map(({ id, points }: { id: number; points: object }) =>
        [id, Object.keys(points).filter((name) => name !== "ID" && name !== "L")] as const
      );
      assert.deepEqual(Object.fromEntries(names), want);
    }
  });

  await t.step("--raw gives integers as on the wire, which scale to the values", async () => {
    const [scaled, raw] = [await json(gateway, "103"), await json(gateway, "103", "--raw")];
    const [values, words] = [scaled.models[0].points, raw.models[0].points];
    assert.deepEqual([words.V_SF, words.St, words.Evt1], [-1, 4, 0]);
    assert.equal(values.PhVphA, words.PhVphA / 10);
    assert.equal(values.W, words.W * 10 ** words.W_SF);
  });

  await t.step("a table for people, csv for spreadsheets, ndjson for scripts", async () => {
    const args = ["read", gateway, "103.W", "103.St"];
    const document = await json(gateway, "103.W", "103.St");
    const { W } = document.models[0].points;
    const table = await run(args, here);
    const line = (...cells: string[]) => new RegExp(`^${cells.join(" +")}$`, "m");
    assert.match(table.out, /^MODEL +POINT +VALUE +UNIT$/m);
    assert.match(table.out, line("103", "W", String(W), "W"));
    assert.match(table.out, line("103", "St", "MPPT"));
    assert.deepEqual(await run([...args, "--format", "table"], here), table);
    const csv = await run([...args, "--format", "csv"], here);
    assert.deepEqual([csv.code, csv.err], [0, ""]);
    assert.deepEqual(csv.out.split("\r\n").filter((row) => !/,(ID|L|W_SF),/.test(row)), [
      "model,point,value,unit",
      `103,W,${W},W`,
      "103,St,MPPT,",
      "",
    ]);
    const ndjson = await run([...args, "--format", "ndjson"], here);
    assert.equal(ndjson.out.split("\n").length, 2);
    const { read_at: _, ...rest } = JSON.parse(ndjson.out);
    const { read_at: __, ...want } = document;
    assert.deepEqual(rest, want);
  });

  await t.step("several units are an array, or one line each", async () => {
    const documents = await json(gateway, "103.W", "--unit", "1,2");
    assert.deepEqual(
      documents.map(({ device }: { device: { id: string; unit_id: number } }) => device.id),
      ["Helio-H-10-SN0001", "Helio-H-10-SN0001-2"],
    );
    const { out } = await run(
      ["read", gateway, "103.W", "--unit", "1-2", "--format", "ndjson"],
      here,
    );
    const lines = out.trimEnd().split("\n");
    assert.deepEqual(lines.map((line) => JSON.parse(line).device.unit_id), [1, 2]);
    const table = await run(["read", gateway, "103.W", "--unit", "1,2"], here);
    assert.match(table.out, /^DEVICE +MODEL +POINT +VALUE +UNIT$/m);
    assert.match(table.out, /^Helio-H-10-SN0001-2 +103 +W +\d+ +W$/m);
  });

  await t.step("several units are an array whoever of them is there", async () => {
    for (const command of ["read", "discover"]) {
      const { code, out } = await run([command, gateway, "--unit", "1,9", "--json"], here);
      const documents: { device: { unit_id: number } }[] = JSON.parse(out);
      assert.deepEqual([code, documents.map(({ device }) => device.unit_id)], [3, [1]]);
    }
  });

  await t.step("a unit that is absent costs the others nothing: exit code 3", async () => {
    const { code, out, err } = await run(
      ["read", gateway, "103.W", "--unit", "1,9,2", "--json"],
      here,
    );
    assert.equal(code, 3);
    assert.equal(JSON.parse(out).length, 2);
    assert.equal(
      err,
      `error: Cannot read "${gateway}" unit 9: the gateway says that no device answers there ` +
        "(exception 11); try another --unit, or --unit auto\n",
    );
  });

  await t.step("auto finds the units that are there, and misses none", async () => {
    const documents = await json(gateway, "103.W", "--unit", "auto");
    assert.deepEqual(
      documents.map(({ device }: { device: { unit_id: number } }) => device.unit_id),
      [1, 2],
    );
  });

  await t.step("flags say how to reach the device", async () => {
    const args = ["--base-address", "0", "--max-registers", "10", "--timeout", "2s"];
    assert.equal((await json(atZero, "103.W", ...args)).base_address, 0);
    const { code, err } = await run(["read", atZero, "--base-address", "40000"], here);
    assert.equal(code, 1);
    assert.match(err, /has no SunSpec map at 40000; try --unit auto, 126, 124 or 71\n$/);
  });
});

/** An inverter, to be served at whatever unit id. */
async function inverter() {
  const { models, baseAddress } = parseEndpointSpec("1,103");
  return await simulateDevice({
    identity: { manufacturer: "Helio", model: "S", options: "", version: "1", serialNumber: "S1" },
    ...{ unitId: 1, seed: 1, baseAddress, models },
  }, await sunspecDefinitions(undefined));
}

Deno.test("read gets over a moment's failure of a gateway, scan waits for none", async () => {
  using folder = temporaryFolder();
  const device = await inverter();
  let requests = 0;
  // Which request fails; the answers before it show that the device is there.
  let failing = (_request: number) => false;
  let code = 11;
  await using server = serveModbus(
    { hostname: "127.0.0.1", port: 0 },
    (_unit, { address, quantity }) => {
      requests++;
      return failing(requests) ? code : device.read(address, quantity, 0);
    },
  );
  const endpoint = `127.0.0.1:${server.port}`;
  const asked = async (args: readonly string[]) => {
    requests = 0;
    const { code, out, err } = await run([...args, "--json"], { cwd: folder.path });
    return { code, err, found: out === "" ? undefined : JSON.parse(out), requests };
  };
  const all = await asked(["read", endpoint]);
  assert.equal(all.code, 0, all.err);
  const { models } = all.found;
  for (const [moment, atRequest] of [[11, all.requests], [10, 2], [4, all.requests]]) {
    code = moment ?? 0;
    failing = (request) => request === atRequest;
    const { code: exitCode, err, found, requests: count } = await asked(["read", endpoint]);
    assert.deepEqual([exitCode, err, found?.models], [0, "", models]);
    assert.equal(count, all.requests + 1);
  }
  code = 11;
  failing = (request) => request >= all.requests;
  const gone = await asked(["read", endpoint]);
  assert.equal(gone.code, 1);
  assert.match(gone.err, /exception 11/);
  assert.equal(gone.requests, all.requests + 1);
  // A scan takes one answer for each request.
  failing = () => false;
  const { requests: scanned } = await asked(["scan", "127.0.0.1", "--port", `${server.port}`]);
  failing = (request) => request === scanned;
  const scan = await asked(["scan", "127.0.0.1", "--port", `${server.port}`]);
  assert.equal(scan.requests, scanned);
});

Deno.test("of two unit ids that call themselves the same the second goes by its place", async (t) => {
  using folder = temporaryFolder();
  const device = await inverter();
  await using server = serveModbus(
    { hostname: "127.0.0.1", port: 0 },
    (_unit, { address, quantity }) => device.read(address, quantity, 0),
  );
  const endpoint = `127.0.0.1:${server.port}`;
  for (const command of ["read", "discover"]) {
    await t.step(command, async () => {
      const { out, err } = await run([command, endpoint, "--unit", "1,2", "--format", "csv"], {
        cwd: folder.path,
      });
      const ids = out.trimEnd().split(/\r?\n/).slice(1).map((line) => line.split(",")[0]);
      const second = `Helio-S-S1@${endpoint}/2`;
      assert.deepEqual([...new Set(ids)], ["Helio-S-S1", second]);
      const warning = "two devices call themselves the same; this one gets another id";
      assert.equal(err, `warning: ${warning}: "${second}"\n`);
    });
  }
});
