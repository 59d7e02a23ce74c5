import assert from "node:assert/strict";
import {
  type Device,
  type DeviceOptions,
  ProtocolError,
  type Reading,
} from "../../lib/core/mod.ts";
import { sunspec } from "../../lib/drivers/sunspec.ts";
import { compileLayout, encodeModel, lengthOf, type WireValue } from "../../lib/sunspec/mod.ts";
import { fromHex } from "../modbus/hex.ts";
import { replaced } from "../modbus/replaced.ts";
import { exception, forever, holes, MemoryDevice, type Rule, silentFrom } from "./memory_device.ts";
import { published } from "./published.ts";

const OPTIONS: DeviceOptions = {
  baseAddress: undefined,
  maxRegisters: 125,
  readAhead: 0,
  models: undefined,
  modelsDir: undefined,
  registers: false,
};
const NOW = Date.UTC(2026, 10, 21, 3);

/** A model in hex, its points given by name, the others not implemented. */
async function modelHex(
  id: number,
  length: number,
  values: { readonly [name: string]: WireValue },
): Promise<string> {
  const layout = compileLayout(
    await published(id),
    length,
    ({ name }) => Number(values[name] ?? 0),
  );
  return encodeModel(layout, (name) => values[name] ?? null).toHex();
}

const HELIO = { Mn: "Helio", Md: "H-10", Vr: "1.2", SN: "SN0001" };
const INVERTER = { A: 123, A_SF: -1, W: 2800, W_SF: 0, St: 4, Evt1: 1 };
const METER = { A: 50, A_SF: -1, W: -700, W_SF: 0, Evt: 0 };

/** An inverter with a model nobody knows and a meter behind it, at 40000. */
async function plant(): Promise<MemoryDevice> {
  const parts = [
    "53756E53",
    await modelHex(1, 66, HELIO),
    await modelHex(103, 50, INVERTER),
    "FDE7 0002 0102 0304",
    await modelHex(1, 65, { Mn: "Meter", Md: "M1" }),
    await modelHex(203, 105, METER),
    "FFFF 0000",
  ];
  return new MemoryDevice(40_000, parts.join(""));
}

async function open(device: MemoryDevice, options: Partial<DeviceOptions> = {}): Promise<Device> {
  const opened = await sunspec.open(device, { ...OPTIONS, ...options }, forever);
  return opened ?? assert.fail("it is no SunSpec device");
}

async function readings(device: Device, statics = false): Promise<readonly Reading[]> {
  return await device.read({ statics }, forever);
}

const EVERYTHING = { select: [], raw: false, valueless: false };

Deno.test("a snapshot is the document of the contract", async () => {
  using _clock = replaced(Date, "now", () => NOW);
  const device = await open(await plant());
  const select = ["1.SN", "103.A", "103.W", "103.St", "103.Evt1", "103.DCW", "64999", "203.W"];
  const { document } = await device.snapshot({ ...EVERYTHING, select }, forever);
  assert.deepEqual(document, {
    device: {
      id: "Helio-H-10-SN0001",
      manufacturer: "Helio",
      model: "H-10",
      options: "",
      version: "1.2",
      serial_number: "SN0001",
      endpoint: "192.0.2.7:502",
      unit_id: 1,
    },
    base_address: 40_000,
    read_at: "2026-11-21T03:00:00.000Z",
    chain_end: "end_model",
    children: [{
      id: "Meter-M1@192.0.2.7:502/1.1",
      manufacturer: "Meter",
      model: "M1",
      options: "",
      version: "",
      serial_number: "",
    }],
    models: [
      {
        id: 1,
        name: "common",
        instance: 1,
        address: 40_002,
        length: 66,
        points: { SN: "SN0001" },
      },
      {
        id: 103,
        name: "inverter_three_phase",
        instance: 1,
        address: 40_070,
        length: 50,
        points: { A: 12.3, W: 2800, DCW: null, St: "MPPT", Evt1: ["GROUND_FAULT"] },
      },
      {
        id: 64_999,
        name: null,
        instance: 1,
        address: 40_122,
        length: 2,
        registers: [0x0102, 0x0304],
      },
      {
        id: 1,
        name: "common",
        instance: 2,
        address: 40_126,
        length: 65,
        child: 0,
        points: { SN: null },
      },
      {
        id: 203,
        name: "ac_meter_abcn",
        instance: 1,
        address: 40_193,
        length: 105,
        child: 0,
        points: { W: -700 },
      },
    ],
  });
});

Deno.test("a snapshot without a selection has every point but pads", async () => {
  const device = await open(await plant());
  const { document, rows } = await device.snapshot(EVERYTHING, forever);
  const models = Array.isArray(document.models) ? document.models : [];
  assert.deepEqual(models.map(({ points }) => Object.keys(points ?? {}).length), [8, 45, 0, 8, 74]);
  const row = (source: string, point: string) =>
    rows.find((row) => row.source === source && row.point === point);
  assert.deepEqual(row("103", "A"), { source: "103", point: "A", value: "12.3", unit: "A" });
  assert.deepEqual(row("103", "DCW"), { source: "103", point: "DCW", value: "", unit: "W" });
  assert.deepEqual(row("1#2", "Mn"), { source: "1#2", point: "Mn", value: "Meter", unit: "" });
  assert.deepEqual(row("64999", ""), {
    source: "64999",
    point: "",
    value: "0102 0304",
    unit: "",
  });
  assert.ok(!rows.some(({ point }) => point === "Pad"));
});

Deno.test("a raw snapshot shows the integers, a valueless one the models only", async () => {
  const memory = await plant();
  const device = await open(memory);
  const raw = await device.snapshot(
    { ...EVERYTHING, raw: true, select: ["103.A", "103.St"] },
    forever,
  );
  assert.match(JSON.stringify(raw.document), /"points":\{"A":123,"St":4\}/);
  memory.takeRequests();
  const bare = await device.snapshot({ ...EVERYTHING, valueless: true }, forever);
  assert.deepEqual(memory.requests, []);
  assert.doesNotMatch(JSON.stringify(bare.document), /points|registers/);
  assert.equal(Array.isArray(bare.document.models) && bare.document.models.length, 5);
});

Deno.test("read() gives a reading a model: polled ones always, nameplates with the statics", async () => {
  using _clock = replaced(Date, "now", () => NOW);
  const device = await open(await plant());
  assert.deepEqual(
    device.sources.map(({ name, instance }) => `${name} ${instance}`),
    ["sunspec/1 1", "sunspec/103 1", "sunspec/64999 1", "sunspec/1 2", "sunspec/203 1"],
  );
  const polled = await readings(device);
  assert.deepEqual(
    polled.map(({ source, device }) => `${source.name} of ${device.id}`),
    ["sunspec/103 of Helio-H-10-SN0001", "sunspec/203 of Meter-M1@192.0.2.7:502/1.1"],
  );
  const [inverter] = polled;
  assert.equal(inverter?.collectedAt, NOW * 1000);
  assert.equal(inverter?.registers, null);
  assert.deepEqual(inverter?.source, {
    driver: "sunspec",
    name: "sunspec/103",
    modelId: 103,
    modelName: "inverter_three_phase",
    instance: 1,
    address: 40_070,
    length: 50,
  });
  assert.deepEqual(inverter?.points.map(({ name, value, text }) => [name, value, text]), [
    ["A", 12.3, null],
    ["W", 2800, null],
    ["St", 4, "MPPT"],
    ["Evt1", 1, "GROUND_FAULT"],
  ]);
  const all = await readings(device, true);
  assert.deepEqual(
    all.map(({ source, device }) => `${source.name} of ${device.parent ?? "no parent"}`),
    [
      "sunspec/1 of no parent",
      "sunspec/103 of no parent",
      "sunspec/1 of Helio-H-10-SN0001",
      "sunspec/203 of Helio-H-10-SN0001",
    ],
  );
});

Deno.test("options say which models are polled, and whether their registers come along", async () => {
  const memory = await plant();
  const some = await readings(await open(memory, { models: [203, 64_999] }), true);
  assert.deepEqual(some.map(({ source }) => source.modelId), [203]);
  const words = await readings(await open(memory, { models: [103, 64_999], registers: true }));
  assert.deepEqual(
    words.map(({ source, registers }) => [source.modelId, registers?.toHex().slice(0, 12)]),
    [[103, "00670032007b"], [64_999, "fde700020102"]],
  );
});

Deno.test("registers that come along are those of the device, pads and unknown ones too", async () => {
  // Model 128 ends with a pad; this one has two registers more than the definition.
  const model = "0080 0010" + "0001".repeat(13) + "0005 0102 0304";
  const memory = new MemoryDevice(40_000, "53756E53" + model + "FFFF 0000");
  const [reading] = await readings(await open(memory, { registers: true }), true);
  assert.equal(reading?.registers?.toHex(), model.replaceAll(" ", ""));
  memory.rules = [holes(40_018)];
  const partly = await readings(await open(memory, { registers: true }), true);
  assert.equal(
    partly.find(({ kind }) => kind === "reading")?.registers?.toHex(),
    model.replaceAll(" ", "").replace("0102", "ffff"),
  );
});

Deno.test("what answers without a SunSpec map is another kind of device", async () => {
  const device = new MemoryDevice(0, "0000 0000");
  assert.equal(await sunspec.open(device, OPTIONS, forever), undefined);
  await assert.rejects(
    sunspec.open(new MemoryDevice(0, "", silentFrom(0)), OPTIONS, forever),
    { name: "TransportError", fault: "timeout" },
  );
});

Deno.test("a map that changed is a protocol error, and no reading of it is given", async (t) => {
  for (
    const [name, address, words] of [
      ["a model moved", 40_070, "0065 0032"],
      ["all moved by one", 40_069, "0067 0032 007B"],
      ["the chain ends earlier", 40_193, "FFFF 0000"],
    ] as const
  ) {
    await t.step(name, async () => {
      const memory = await plant();
      const device = await open(memory);
      await readings(device);
      memory.write(address, fromHex(words));
      await assert.rejects(readings(device), ProtocolError);
      await assert.rejects(device.snapshot(EVERYTHING, forever), ProtocolError);
    });
  }
});

Deno.test("another device behind another connection is a protocol error", async (t) => {
  const hello = async (SN: string | null) => fromHex(await modelHex(1, 66, { ...HELIO, SN }));
  await t.step("that says who it is", async () => {
    const memory = await plant();
    const device = await open(memory);
    await readings(device);
    memory.write(40_002, await hello("SN0002"));
    memory.connected++;
    await assert.rejects(readings(device), {
      name: "ProtocolError",
      message: 'Cannot trust "192.0.2.7:502" unit 1: "Helio-H-10-SN0002" answers in place of ' +
        '"Helio-H-10-SN0001"; the device is walked again',
    });
    memory.connected++;
    await assert.rejects(device.snapshot(EVERYTHING, forever), ProtocolError);
  });
  await t.step("not the same one, which is asked once a connection", async () => {
    const memory = await plant();
    const device = await open(memory);
    await readings(device);
    memory.takeRequests();
    await readings(device);
    const usual = memory.takeRequests();
    memory.connected++;
    await readings(device);
    assert.deepEqual(memory.takeRequests(), [...usual, "40002+67", "40126+66", "40192+1"]);
    await readings(device);
    assert.deepEqual(memory.takeRequests(), usual);
  });
  await t.step("not one that does not say", async () => {
    const memory = await plant();
    const device = await open(memory);
    memory.write(40_002, await hello(null));
    memory.connected++;
    assert.equal((await readings(device)).length, 2);
  });
});

Deno.test("a device that refuses to say who it is while it starts up is asked again", async (t) => {
  const starting: Rule = ({ address, quantity }) =>
    address < 40_070 && quantity > 2 ? exception(2) : undefined;
  const known = "Helio-H-10-SN0001";
  await t.step("when it is opened again", async () => {
    const [memory, place] = [await plant(), {}];
    memory.rules = [starting];
    const device = await open(memory, { memory: place });
    assert.equal(device.identity.id, "unknown@192.0.2.7:502/1");
    memory.rules = [];
    assert.equal((await open(memory, { memory: place })).identity.id, known);
  });
  await t.step("and is taken for who it was, if it is opened again meanwhile", async () => {
    const [memory, place] = [await plant(), {}];
    await open(memory, { memory: place });
    memory.rules = [starting];
    const device = await open(memory, { memory: place });
    assert.equal(device.identity.id, known);
    assert.deepEqual((await readings(device)).map(({ kind }) => kind), ["reading", "reading"]);
  });
  await t.step("so that a child which repeats what it says is still another", async () => {
    const [memory, place] = [await plant(), {}];
    memory.write(40_126, fromHex(await modelHex(1, 65, HELIO)));
    const before = await open(memory, { memory: place });
    memory.rules = [starting];
    const device = await open(memory, { memory: place });
    assert.deepEqual(device.children, before.children);
    assert.equal(device.children[0]?.id, `${known}@192.0.2.7:502/1.1`);
  });
  await t.step("while it is open, after a minute", async () => {
    const memory = await plant();
    memory.rules = [starting];
    const device = await open(memory);
    memory.rules = [];
    memory.takeRequests();
    await readings(device);
    const usual = memory.takeRequests();
    const later = performance.now() + 60_000;
    using _clock = replaced(performance, "now", () => later);
    await assert.rejects(readings(device), new RegExp(`"${known}" answers in place of "unknown@`));
    assert.notDeepEqual(memory.takeRequests(), usual);
  });
  await t.step("not again and again, if it does not mean to", async () => {
    const memory = await plant();
    memory.rules = [holes(40_052)];
    const device = await open(memory);
    assert.equal(device.identity.id, "Helio-H-10@192.0.2.7:502/1");
    memory.takeRequests();
    await readings(device);
    const usual = memory.takeRequests();
    const later = performance.now() + 60_000;
    using _clock = replaced(performance, "now", () => later);
    await readings(device);
    assert.notDeepEqual(memory.takeRequests(), usual);
    await readings(device);
    assert.deepEqual(memory.takeRequests(), usual);
  });
  await t.step("nor at each new connection", async () => {
    const memory = await plant();
    memory.rules = [holes(40_052)];
    const device = await open(memory);
    await readings(device);
    memory.takeRequests();
    memory.connected++;
    await readings(device);
    const { length } = memory.takeRequests();
    assert.equal(length, 5);
  });
  await t.step("after a minute, if it did say before", async () => {
    const memory = await plant();
    const device = await open(memory);
    memory.rules = [starting];
    memory.connected++;
    await readings(device);
    memory.rules = [];
    const later = performance.now() + 60_000;
    using _clock = replaced(performance, "now", () => later);
    await readings(device);
    const { document } = await device.snapshot({ ...EVERYTHING, select: ["1.SN"] }, forever);
    assert.match(JSON.stringify(document), /"points":\{"SN":"SN0001"\}/);
  });
});

Deno.test("a group that comes or goes is a protocol error", async () => {
  const values = { NPt: 1, NCrv: 2, "Crv[0].ActPt": 1, "Crv[1].ActPt": 1 };
  const curves = await modelHex(705, 37, values);
  const memory = new MemoryDevice(
    0,
    `53756E53 ${await modelHex(1, 66, HELIO)} ${curves} FFFF 0000`,
  );
  const device = await open(memory);
  const { document } = await device.snapshot({ ...EVERYTHING, select: ["705.ActPt"] }, forever);
  assert.match(JSON.stringify(document), /"points":\{"Crv":\[\{"ActPt":1\},\{"ActPt":1\}\]\}/);
  memory.write(70 + 6, fromHex("0001"));
  await assert.rejects(device.snapshot({ ...EVERYTHING, select: ["705.ActPt"] }, forever), {
    name: "ProtocolError",
    message: 'Cannot trust model 705 of "192.0.2.7:502": NCrv was 2, now it is 1; ' +
      "the device is walked again",
  });
});

/** Groups that count the groups within them. */
const STRINGS = {
  id: 64_200,
  group: {
    name: "strings",
    points: ["ID", "L", "N"].map((name) => ({ name, type: "uint16" })),
    groups: [{
      name: "string",
      count: "N",
      points: ["M", "V"].map((name) => ({ name, type: "uint16" })),
      groups: [{ name: "cell", count: "M", points: [{ name: "T", type: "uint16" }] }],
    }],
  },
};

Deno.test("points that count groups are found wherever they stand", async () => {
  const length = lengthOf(await published(64_411), 2);
  const values = { NProf: 2, NPt: 2, V_SF: -1, "Prof[1].Pt[1].VA": 2304 };
  const profiles = await modelHex(64_411, length, values);
  const modelsDir = await Deno.makeTempDir({ prefix: "sunspool-models-" });
  try {
    await Deno.writeTextFile(`${modelsDir}/strings.json`, JSON.stringify(STRINGS));
    const own = "FAC8 000A 0003 0001 0064 000A 0000 00C8 0002 012C 001E 001F";
    const memory = new MemoryDevice(0, `53756E53 ${profiles} ${own} FFFF0000`);
    const device = await open(memory, { modelsDir });
    const [, strings] = await readings(device, true);
    const { rows } = await device.snapshot({ ...EVERYTHING, select: ["64411.Pt.VA"] }, forever);
    assert.deepEqual(rows.map(({ point, value }) => `${point} ${value}`), [
      "Prof[0].Pt[0].VA ",
      "Prof[0].Pt[1].VA ",
      "Prof[1].Pt[0].VA ",
      "Prof[1].Pt[1].VA 230.4",
    ]);
    assert.deepEqual(strings?.points.slice(1).map(({ name, value }) => `${name} ${value}`), [
      "string[0].M 1",
      "string[0].V 100",
      "string[0].cell[0].T 10",
      "string[1].M 0",
      "string[1].V 200",
      "string[2].M 2",
      "string[2].V 300",
      "string[2].cell[0].T 30",
      "string[2].cell[1].T 31",
    ]);
  } finally {
    await Deno.remove(modelsDir, { recursive: true });
  }
});

Deno.test("a device that has lost all its models says so", async () => {
  const memory = {};
  const transport = await plant();
  await open(transport, { memory });
  transport.write(40_002, fromHex("FFFF0000"));
  const events = await readings(await open(transport, { memory }), true);
  assert.deepEqual(events.map(({ kind, source, points }) => [kind, source.name, points[0]?.text]), [
    ["event", "sunspec", "models_changed"],
    ["event", "sunspec", "identity_changed"],
  ]);
});

Deno.test("what is wrong with a model stands beside its points", async () => {
  const parts = [
    "53756E53",
    await modelHex(1, 66, HELIO),
    "0067 0005 007B 0029 0029 0029 000B",
    await modelHex(203, 105, METER),
    "0000",
  ];
  const memory = new MemoryDevice(0, parts.join(""), holes(77 + 18));
  const device = await open(memory);
  const short = "length 5, the definition has 50: the points beyond it are left out";
  assert.deepEqual(device.warnings, [`model 103: ${short}`]);
  await readings(device);
  const { document } = await device.snapshot(
    { ...EVERYTHING, select: ["103.A", "203.W"] },
    forever,
  );
  assert.equal(document.chain_end, "zero");
  const [inverter, meter] = Array.isArray(document.models) ? document.models : [];
  assert.deepEqual(inverter.warnings, [short, "A_SF: scale factor 11 is not within ±10"]);
  assert.deepEqual(inverter.points, { A: null });
  assert.deepEqual(meter.warnings, ["the device refuses to serve the points at 95"]);
  assert.deepEqual(meter.points, { W: null });
  assert.equal(meter.quality, undefined);
});

Deno.test("registers of an unknown model that were not read are null, and no values", async () => {
  const map = `53756E53 ${await modelHex(1, 66, HELIO)} FDE7 0004 0001 FFFF 0003 0004 FFFF 0000`;
  const device = await open(new MemoryDevice(0, map, holes(74)));
  const { document, rows } = await device.snapshot({ ...EVERYTHING, select: ["64999"] }, forever);
  const [model] = Array.isArray(document.models) ? document.models : [];
  assert.deepEqual(model.registers, [1, 0xffff, null, 4]);
  assert.equal(rows[0]?.value, "0001 ffff ---- 0004");
  assert.deepEqual(model.warnings, ["the device refuses to serve the points at 74"]);
});

Deno.test("a value apart from its scale factor is flagged in document and reading", async () => {
  const memory = await plant();
  const device = await open(memory, { maxRegisters: 12 });
  const { document } = await device.snapshot(
    { ...EVERYTHING, select: ["103.A", "103.TmpOt"] },
    forever,
  );
  const [inverter] = Array.isArray(document.models) ? document.models : [];
  assert.equal(inverter.quality, undefined);
  const far = await open(memory, { maxRegisters: 4 });
  const split = await far.snapshot({ ...EVERYTHING, select: ["103.A", "103.W"] }, forever);
  const [apart] = Array.isArray(split.document.models) ? split.document.models : [];
  assert.deepEqual(apart.points, { A: 12.3, W: 2800 });
  assert.deepEqual(apart.quality, { A: "sf_split" });
  const [reading] = await readings(far);
  assert.deepEqual(
    reading?.points.map(({ name, quality }) => [name, quality]),
    [["A", "sf_split"], ["W", null], ["St", null], ["Evt1", null]],
  );
});

Deno.test("a device that gives nothing but a refusal fails the read", async () => {
  const memory = await plant();
  const device = await open(memory);
  for (const code of [4, 6, 11]) {
    memory.rules = [() => exception(code)];
    await assert.rejects(readings(device), { name: "ModbusException", code });
  }
  memory.rules = [];
  assert.equal((await readings(device)).length, 2);
});

Deno.test("an open device holds nothing: closing it twice does no harm", async () => {
  const device = await open(await plant());
  await device[Symbol.asyncDispose]();
  await device[Symbol.asyncDispose]();
});
