import assert from "node:assert/strict";
import type { Device, DeviceOptions } from "../../lib/core/mod.ts";
import { sunspec } from "../../lib/drivers/sunspec.ts";
import { compileLayout, encodeModel, type WireValue } from "../../lib/sunspec/mod.ts";
import {
  exception,
  forever,
  holes,
  MemoryDevice,
  onlyFunction,
  type Rule,
} from "./memory_device.ts";
import { published } from "./published.ts";

// What devices in the field do, each as a device that does it.

const OPTIONS: DeviceOptions = {
  baseAddress: undefined,
  maxRegisters: 125,
  readAhead: 0,
  models: undefined,
  modelsDir: undefined,
  registers: false,
};

type Values = { readonly [name: string]: WireValue };

/** A model in hex; whatever its definition says, so long as told. */
async function modelHex(id: number, length: number, values: Values): Promise<string> {
  const count = ({ name }: { readonly name: string }) => Number(values[name] ?? 0);
  const layout = compileLayout(await published(id), length, count);
  return encodeModel(layout, (name) => values[name] ?? null).toHex();
}

const HELIO = { Mn: "Helio", Md: "H-10", Vr: "1.2", SN: "SN0001" };
const INVERTER = { W: 2800, W_SF: 0, St: 4 };

async function device(
  parts: readonly string[],
  options: { readonly base?: number; readonly rules?: readonly Rule[] } = {},
): Promise<MemoryDevice> {
  const hex = `53756E53${parts.join("")}`.replaceAll(" ", "");
  return await Promise.resolve(
    new MemoryDevice(options.base ?? 40_000, hex, ...options.rules ?? []),
  );
}

async function open(memory: MemoryDevice): Promise<Device> {
  return await sunspec.open(memory, OPTIONS, forever) ?? assert.fail("no device");
}

/** The document as scripts get it. */
async function documentOf(memory: MemoryDevice) {
  const all = { select: [], raw: false, valueless: false };
  const { document } = await (await open(memory)).snapshot(all, forever);
  return JSON.parse(JSON.stringify(document));
}

/** A model of a document. */
function modelOf(document: { readonly models: readonly { readonly id: number }[] }, id: number) {
  return JSON.parse(JSON.stringify(document.models.find((model) => model.id === id)));
}

Deno.test("Kostal: the chain ends with one 0x0000, and two words there are refused", async () => {
  const common = await modelHex(1, 66, HELIO);
  const inverter = await modelHex(103, 50, INVERTER);
  for (const [end, want] of [["0000", "zero"], ["", "exception_2"], ["FFFF", "end_model"]]) {
    const document = await documentOf(await device([common, inverter, end ?? ""]));
    assert.equal(document.chain_end, want);
    assert.equal(modelOf(document, 103).points.W, 2800);
  }
});

Deno.test("the common model comes with 66, 65, 15 or 13 registers", async () => {
  for (const [length, id] of [[66, "-SN0001"], [65, "-SN0001"], [15, ""], [13, ""]] as const) {
    const common = await modelHex(1, length, HELIO);
    const document = await documentOf(
      await device([common, await modelHex(103, 50, INVERTER), "FFFF0000"]),
    );
    assert.equal(modelOf(document, 103).address, 40_002 + 2 + length);
    assert.equal(modelOf(document, 103).points.W, 2800, "the models behind it are where they are");
    assert.ok(document.device.id.endsWith(id || "@192.0.2.7:502/1"), document.device.id);
    assert.equal(modelOf(document, 1).warnings === undefined, length > 60);
  }
});

Deno.test("SMA: model 714 with three ports is 93 registers", async () => {
  const values = { NPrt: 3, DCW_SF: 0, "Prt[2].DCW": 417, "Prt[0].IDStr": "A" };
  const dc = await modelHex(714, 93, values);
  const document = await documentOf(await device([await modelHex(1, 66, HELIO), dc, "FFFF0000"]));
  const { points, warnings } = modelOf(document, 714);
  assert.deepEqual([points.Prt.length, points.Prt[2].DCW, points.Prt[0].IDStr], [3, 417, "A"]);
  assert.equal(warnings, undefined);
});

Deno.test("Nuvation, E3DC: model 803 announces more strings than it has room for", async () => {
  const battery = await modelHex(803, 26 + 6, { NStr: 2, NStrCon: 1, "string[0].Idx": 7 });
  const document = await documentOf(
    await device([
      await modelHex(1, 66, HELIO),
      battery,
      await modelHex(103, 50, INVERTER),
      "FFFF0000",
    ]),
  );
  const { points, warnings } = modelOf(document, 803);
  assert.deepEqual([points.NStr, points.NStrCon], [2, 1], "the fixed part is there");
  assert.match(warnings.join(), /string: 2 groups are announced, length 32 has room for 1/);
  assert.equal(modelOf(document, 103).points.W, 2800);
});

Deno.test("maps begin at 40000, 0 or 50000, and one kind of register is all some devices have", async () => {
  const parts = [await modelHex(1, 66, HELIO), await modelHex(103, 50, INVERTER), "FFFF0000"];
  for (const base of [40_000, 0, 50_000]) {
    for (const served of [3, 4] as const) {
      const memory = await device(parts, { base, rules: [onlyFunction(served)] });
      const document = await documentOf(memory);
      assert.deepEqual(
        [document.base_address, modelOf(document, 103).points.W],
        [base, 2800],
      );
      const other = memory.requests.filter(({ functionCode }) => functionCode !== served);
      assert.ok(other.length <= 1, "it is asked the other way once");
    }
  }
});

Deno.test("SolarEdge: strings padded with blanks are strings without them", async () => {
  const padded = {
    Mn: "SolarEdge ",
    Md: `SE10K${" ".repeat(27)}`,
    SN: `7E12ABCD${" ".repeat(24)}`,
  };
  const { device: who, models } = await documentOf(
    await device([await modelHex(1, 66, padded), "FFFF0000"]),
  );
  assert.deepEqual(
    [who.id, who.manufacturer, models[0].points.Md, models[0].points.SN],
    ["SolarEdge-SE10K-7E12ABCD", "SolarEdge", "SE10K", "7E12ABCD"],
  );
});

Deno.test("Fronius: a scale factor that changes with every request never meets another's value", async () => {
  const common = await modelHex(1, 66, HELIO);
  const [one, two] = await Promise.all([
    modelHex(103, 50, { W: 1000, W_SF: 0, DCW: 1030, DCW_SF: 0 }),
    modelHex(103, 50, { W: 10_000, W_SF: -1, DCW: 103, DCW_SF: 1 }),
  ]);
  const memory = await device([common, one, "FFFF0000"]);
  let requests = 0;
  memory.rules = [() => {
    memory.write(40_070, Uint8Array.fromHex(requests++ % 2 === 0 ? one : two));
    return undefined;
  }];
  const opened = await open(memory);
  for (let i = 0; i < 20; i++) {
    const [reading] = await opened.read({ statics: false }, forever);
    const points = reading?.points.filter(({ name }) => /^(W|DCW)$/.test(name));
    assert.deepEqual(points?.map(({ value, quality }) => [value, quality]), [
      [1000, null],
      [1030, null],
    ]);
  }
});

Deno.test("a device that falls silent within its chain is not taken to have lost its models", async () => {
  const parts = [await modelHex(1, 66, HELIO), await modelHex(103, 50, INVERTER)];
  const memory = await device([...parts, "FFFF0000"]);
  const place = {};
  const opened = () => sunspec.open(memory, { ...OPTIONS, memory: place }, forever);
  const first = await opened() ?? assert.fail();
  assert.deepEqual(first.sources.map(({ modelId }) => modelId), [1, 103]);
  memory.write(40_002, Uint8Array.fromHex("00010042"));
  memory.rules = [({ address }) => address >= 40_070 ? exception(4) : undefined];
  await assert.rejects(opened(), /after 1 of 2 the device answered with exception_4/);
  memory.rules = [];
  assert.deepEqual((await opened())?.sources.map(({ modelId }) => modelId), [1, 103]);

  // Seen for the first time it is what there is, and said.
  memory.rules = [({ address }) => address >= 40_070 ? exception(4) : undefined];
  const short = await open(memory);
  assert.deepEqual(short.warnings, [
    "the chain of models ended with exception_4: there may be more",
  ]);
});

Deno.test("what a device does not give is told once, and once more when it gives it again", async () => {
  const parts = [await modelHex(1, 66, HELIO), await modelHex(103, 50, INVERTER)];
  const memory = await device([...parts, await modelHex(203, 105, { W: 5, W_SF: 0 }), "FFFF0000"]);
  const opened = await open(memory);
  const events = async (statics = false) => {
    const readings = await opened.read({ statics }, forever);
    return readings.filter(({ kind }) => kind === "event")
      .map(({ points }) => points.map(({ text }) => text).join(": "));
  };
  memory.rules = [
    ({ address, quantity }) =>
      address < 40_122 && address + quantity > 40_070 ? exception(4) : undefined,
  ];
  const why = "some of it could not be read: The device refused a request: exception 4 " +
    "(server device failure)";
  assert.deepEqual(await events(), [`unreadable: model 103 #1 cannot be read: ${why}`]);
  assert.deepEqual(await events(true), []);
  memory.rules = [holes(40_010), ...memory.rules];
  assert.deepEqual(await events(true), [
    "unreadable: model 1 #1 cannot be read: the device refuses to serve the points at 40004",
  ]);
  assert.deepEqual(await events(), [], "it was not asked for");
  memory.rules = [];
  assert.deepEqual(await events(), ["readable: model 103 #1 can be read again"]);
});
