import assert from "node:assert/strict";
import type { Device, DeviceOptions, Reading } from "../../lib/core/mod.ts";
import { sunspec } from "../../lib/drivers/sunspec.ts";
import { compileLayout, encodeModel, type WireValue } from "../../lib/sunspec/mod.ts";
import { exception, forever, MemoryDevice } from "./memory_device.ts";
import { published } from "./published.ts";

const OPTIONS: DeviceOptions = {
  baseAddress: undefined,
  maxRegisters: 125,
  readAhead: 0,
  models: undefined,
  modelsDir: undefined,
  registers: false,
};

type Values = { readonly [name: string]: WireValue };
type Model = readonly [id: number, length: number, values: Values];

const COMMON: Model = [1, 66, { Mn: "Helio", Md: "H-10", Vr: "1.2", SN: "SN0001" }];
/** 10 kW. */
const NAMEPLATE: Model = [120, 26, {
  ...{ WRtg: 1000, WRtg_SF: 1, VARtg: 1000, VARtg_SF: 1, ARtg: 15, ARtg_SF: 0 },
}];
const SETTINGS: Model = [121, 30, { WMax: 1000, WMax_SF: 1, VRef: 230, VRef_SF: 0 }];

function inverter(values: Values): Model {
  return [103, 50, {
    W_SF: 0,
    A_SF: 0,
    V_SF: -1,
    VA_SF: 0,
    VAr_SF: 0,
    WH_SF: 0,
    DCW_SF: 0,
    ...values,
  }];
}

/** Puts a chain of models at 40000. */
async function write(device: MemoryDevice, ...models: readonly Model[]): Promise<void> {
  const parts = ["53756E53"];
  for (const [id, length, values] of models) {
    const count = ({ name }: { readonly name: string }) => Number(values[name] ?? 0);
    const layout = compileLayout(await published(id), length, count);
    parts.push(encodeModel(layout, (name) => values[name] ?? null).toHex());
  }
  device.registers.clear();
  device.write(40_000, Uint8Array.fromHex(`${parts.join("")}FFFF0000`));
}

async function open(transport: MemoryDevice, memory?: object): Promise<Device> {
  return await sunspec.open(transport, { ...OPTIONS, memory }, forever) ?? assert.fail("no device");
}

function readings(device: Device): Promise<readonly Reading[]> {
  return device.read({ statics: true }, forever);
}

/** A point of a model as it is delivered: value and quality; undefined = left out. */
function pointOf(list: readonly Reading[], model: number, name: string) {
  const reading = list.find(({ source, kind }) => source.modelId === model && kind === "reading");
  const point = reading?.points.find((point) => point.name === name);
  return point && [point.value, point.quality];
}

function eventsOf(list: readonly Reading[]): string[] {
  return list.filter(({ kind }) => kind === "event")
    .map(({ points }) => points.map(({ text }) => text).join(" · "));
}

Deno.test("lifetime energy that reads 0 at dawn is held, in readings and in documents", async () => {
  const transport = new MemoryDevice(0, "");
  await write(transport, COMMON, inverter({ WH: 5000, W: 100 }));
  const device = await open(transport);
  assert.deepEqual(pointOf(await readings(device), 103, "WH"), [5000, null]);
  await write(transport, COMMON, inverter({ WH: null, W: 7 }));
  const dawn = await readings(device);
  assert.deepEqual(pointOf(dawn, 103, "WH"), [5000, "counter_held"]);
  assert.deepEqual(pointOf(dawn, 103, "W"), [7, null]);

  const all = { select: ["103.WH", "103.W"], raw: false, valueless: false };
  const { document, rows } = await device.snapshot(all, forever);
  const [model] = JSON.parse(JSON.stringify(document)).models;
  assert.deepEqual([model.points, model.quality], [{ W: 7, WH: 5000 }, { WH: "counter_held" }]);
  assert.deepEqual(rows.map(({ point, value, quality }) => [point, value, quality]), [
    ["W", "7", undefined],
    ["WH", "5000", "counter_held"],
  ]);
  const raw = await device.snapshot({ ...all, raw: true }, forever);
  const [rawModel] = JSON.parse(JSON.stringify(raw.document)).models;
  assert.deepEqual([rawModel.points.WH, rawModel.quality], [null, undefined], "as on the wire");
  // The third poll that agrees.
  const third = await readings(device);
  assert.equal(pointOf(third, 103, "WH"), undefined);
  assert.deepEqual(eventsOf(third), [
    "counter_reset · WH of model 103 went from 5000 to 0 · WH · 5000 · 0",
  ]);
  assert.deepEqual(eventsOf(await readings(device)), []);
});

Deno.test("a counter that was not read is no counter that reads 0", async () => {
  const transport = new MemoryDevice(0, "");
  await write(transport, COMMON, inverter({ WH: 5000 }));
  const device = await open(transport);
  await readings(device);
  const inverterAt = 40_070;
  transport.rules = [
    ({ address, quantity }) => address + quantity > inverterAt ? exception(4) : undefined,
  ];
  for (let i = 0; i < 4; i++) assert.equal(pointOf(await readings(device), 103, "WH"), undefined);
  transport.rules = [];
  assert.deepEqual(pointOf(await readings(device), 103, "WH"), [5000, null]);
});

Deno.test("an accumulator of 32 bits that wraps passes at once, and an event says so", async () => {
  const transport = new MemoryDevice(0, "");
  await write(transport, COMMON, inverter({ WH: 4_294_967_290, WH_SF: -2 }));
  const device = await open(transport);
  await readings(device);
  await write(transport, COMMON, inverter({ WH: 12, WH_SF: -2 }));
  const wrapped = await readings(device);
  assert.deepEqual(pointOf(wrapped, 103, "WH"), [0.12, null]);
  assert.deepEqual(eventsOf(wrapped), [
    "counter_wrap · WH of model 103 went from 42949672.9 to 0.12 · WH · 42949672.9 · 0.12",
  ]);
});

Deno.test("what is beyond the nameplate is flagged, and not dropped", async () => {
  const rubbish = inverter({ W: 32_000, VA: 12_400, A: 900, PhVphA: 65_534, DCW: 31_000, VAr: 40 });
  const transport = new MemoryDevice(0, "");
  await write(transport, COMMON, rubbish, NAMEPLATE, SETTINGS);
  const list = await readings(await open(transport));
  for (
    const [name, want] of [
      ["W", [32_000, "implausible"]],
      ["VA", [12_400, null]],
      ["A", [900, "implausible"]],
      ["PhVphA", [6553.4, "implausible"]],
      ["DCW", [31_000, "implausible"]],
      ["VAr", [40, null]],
    ] as const
  ) {
    assert.deepEqual(pointOf(list, 103, name), want, name);
  }
  for (const W of [-12_000, 12_000, 0]) {
    await write(transport, COMMON, NAMEPLATE, SETTINGS, inverter({ W }));
    assert.deepEqual(pointOf(await readings(await open(transport)), 103, "W"), [W, null]);
  }
  await write(transport, COMMON, rubbish);
  assert.deepEqual(pointOf(await readings(await open(transport)), 103, "W"), [32_000, null]);
});

Deno.test("a meter behind the same unit id is not measured by the inverter's nameplate", async () => {
  const transport = new MemoryDevice(0, "");
  await write(transport, COMMON, NAMEPLATE, [203, 105, { W: 30_000, W_SF: 0 }]);
  assert.deepEqual(pointOf(await readings(await open(transport)), 203, "W"), [30_000, null]);
});

Deno.test("energy that is stored is no counter: it may fall", async () => {
  const transport = new MemoryDevice(0, "");
  const storage = (WHAvail: number): Model => [713, 7, { WHAvail, WHRtg: 9000, WH_SF: 0 }];
  await write(transport, COMMON, storage(5000));
  const device = await open(transport);
  for (const WHAvail of [5000, 4000, 0]) {
    await write(transport, COMMON, storage(WHAvail));
    assert.deepEqual(pointOf(await readings(device), 713, "WHAvail"), [WHAvail, null]);
  }
});

Deno.test("counters are remembered while a device is opened again, and forgotten with it", async () => {
  const memory = {};
  const transport = new MemoryDevice(0, "");
  await write(transport, COMMON, inverter({ WH: 5000 }));
  await readings(await open(transport, memory));
  await write(transport, COMMON, inverter({ WH: 4 }));
  const opened = await open(transport, memory);
  assert.deepEqual(pointOf(await readings(opened), 103, "WH"), [5000, "counter_held"]);
  assert.deepEqual(pointOf(await readings(await open(transport)), 103, "WH"), [4, null]);

  const other: Model = [1, 66, { Mn: "Helio", Md: "H-10", SN: "SN0002" }];
  await write(transport, other, inverter({ WH: 4 }));
  const list = await readings(await open(transport, memory));
  assert.deepEqual(pointOf(list, 103, "WH"), [4, null]);
  assert.deepEqual(eventsOf(list), [
    'identity_changed · "Helio-H-10-SN0001" is gone, "Helio-H-10-SN0002" is in its place',
  ]);
});

Deno.test("a known chain is looked at from both ends and walked again when it moved", async () => {
  const memory = {};
  const transport = new MemoryDevice(0, "");
  await write(transport, COMMON, NAMEPLATE, SETTINGS, inverter({ W: 1 }));
  await open(transport, memory);
  const walked = transport.takeRequests().length;
  const again = await open(transport, memory);
  const looked = transport.takeRequests();
  assert.deepEqual(looked, ["40000+2", "40002+2", "40130+2", "40182+1", "40002+67"]);
  assert.ok(looked.length < walked, `${walked} requests at first`);
  assert.deepEqual(eventsOf(await readings(again)), []);

  // Its firmware has another model in the middle.
  await write(transport, COMMON, NAMEPLATE, [122, 44, {}], SETTINGS, inverter({ W: 2 }));
  await assert.rejects(readings(again), { name: "ProtocolError" });
  const list = await readings(await open(transport, memory));
  assert.deepEqual(pointOf(list, 103, "W"), [2, null]);
  assert.deepEqual(eventsOf(list), [
    "models_changed · the models were 1 120 121 103, now they are 1 120 122 121 103",
  ]);

  // The ends are where they were, what lies between is not.
  await write(transport, COMMON, SETTINGS, [122, 44, {}], NAMEPLATE, inverter({ W: 3 }));
  const moved = await open(transport, memory);
  await assert.rejects(readings(moved), { name: "ProtocolError" });
  const found = await readings(await open(transport, memory));
  assert.deepEqual(pointOf(found, 103, "W"), [3, null]);
  assert.equal(eventsOf(found).length, 1);
});

Deno.test("an inverter says when it goes to rest; a device without one never does", async () => {
  const transport = new MemoryDevice(0, "");
  const states = { OFF: 1, SLEEPING: 2, STARTING: 3, MPPT: 4, SHUTTING_DOWN: 6, STANDBY: 8 };
  for (const [name, St] of Object.entries(states)) {
    await write(transport, COMMON, inverter({ St }));
    const device = await open(transport);
    await readings(device);
    assert.equal(device.isResting, !["STARTING", "MPPT"].includes(name), name);
  }
  for (
    const [models, want] of [
      [[[701, 153, { InvSt: 1 }]], true],
      [[[701, 153, { InvSt: 3 }]], false],
      [[inverter({ St: 2 }), inverter({ St: 4 })], false],
      [[inverter({})], false],
      [[[203, 105, {}]], false],
    ] as readonly (readonly [readonly Model[], boolean])[]
  ) {
    await write(transport, COMMON, ...models);
    const device = await open(transport);
    await readings(device);
    assert.equal(device.isResting, want);
  }
});
