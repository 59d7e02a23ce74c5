import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compileLayout,
  decodeGroup,
  decodePoints,
  displayText,
  type Layout,
  type ModelDefinition,
  parseDefinition,
  scaleWarnings,
} from "../../lib/sunspec/mod.ts";
import { fromHex } from "../modbus/hex.ts";
import { published } from "./published.ts";

function viewOf(hex: string): DataView {
  const bytes = fromHex(hex);
  return new DataView(bytes.buffer);
}

/** Lays a model out for an image: its length is what the image says, each count the same. */
function layOut(definition: ModelDefinition, image: DataView, count = 0): Layout {
  assert.equal(image.byteLength, (image.getUint16(2) + 2) * 2, "L disagrees with the image");
  return compileLayout(definition, image.getUint16(2), () => count);
}

function decode(layout: Layout, image: DataView, raw: boolean) {
  return decodeGroup(layout.root, image, raw, () => true);
}

const INVERTER = viewOf(
  "0067 0032" +
    "007B 0029 0029 FFFF FFFF" + // A, AphA … AphC, A_SF -1
    "FFFF FFFF FFFF 08FF 0901 0900 FFFF" + // PPV…, PhV…, V_SF -1
    "FF38 0001 1388 FFFE" + // W -200, W_SF 1, Hz 5000, Hz_SF -2
    "8000 8000 000A 8000 0063 000B" + // VA, VA_SF, VAr 10, VAr_SF, PF 99, PF_SF 11
    "000F4240 0000" + // WH 1000000, WH_SF
    "FFFF FFFE 1838 FFFF 0320 0001" + // DCA, DCV 6200, DCW 800 and their factors
    "01C2 8000 8000 FF9C FFFF" + // TmpCab 450, …, TmpOt -100, Tmp_SF -1
    "0004 0007 00000081 80000002" + // St, StVnd, Evt1, Evt2
    "00000000 FFFFFFFF FFFFFFFF FFFFFFFF",
);

Deno.test("an inverter's points are scaled, named and null as the contract says", async () => {
  const layout = layOut(await published(103), INVERTER);
  assert.deepEqual(decode(layout, INVERTER, false), {
    ID: 103,
    L: 50,
    A: 12.3,
    AphA: 4.1,
    AphB: 4.1,
    AphC: null,
    A_SF: -1,
    PPVphAB: null,
    PPVphBC: null,
    PPVphCA: null,
    PhVphA: 230.3,
    PhVphB: 230.5,
    PhVphC: 230.4,
    V_SF: -1,
    W: -2000,
    W_SF: 1,
    Hz: 50,
    Hz_SF: -2,
    VA: null,
    VA_SF: null,
    VAr: null,
    VAr_SF: null,
    PF: null,
    PF_SF: 11,
    WH: 1_000_000,
    WH_SF: 0,
    DCA: null,
    DCA_SF: -2,
    DCV: 620,
    DCV_SF: -1,
    DCW: 8000,
    DCW_SF: 1,
    TmpCab: 45,
    TmpSnk: null,
    TmpTrns: null,
    TmpOt: -10,
    Tmp_SF: -1,
    St: "MPPT",
    StVnd: 7,
    Evt1: ["GROUND_FAULT", "OVER_TEMP"],
    Evt2: ["BIT_1", "BIT_31"],
    EvtVnd1: [],
    EvtVnd2: null,
    EvtVnd3: null,
    EvtVnd4: null,
  });
  assert.deepEqual(scaleWarnings(layout, INVERTER), ["PF_SF: scale factor 11 is not within ±10"]);
});

Deno.test("raw values are the integers on the wire", async () => {
  const layout = layOut(await published(103), INVERTER);
  const raw = decode(layout, INVERTER, true);
  for (
    const [name, want] of [
      ["ID", 103],
      ["A", 123],
      ["AphC", null],
      ["A_SF", -1],
      ["W", -200],
      ["VA", null],
      ["VA_SF", null],
      ["VAr", 10],
      ["PF", 99],
      ["PF_SF", 11],
      ["WH", 1_000_000],
      ["TmpOt", -100],
      ["St", 4],
      ["Evt1", 0x81],
      ["Evt2", 0x8000_0002],
      ["EvtVnd1", 0],
      ["EvtVnd2", null],
    ] as const
  ) {
    assert.equal(raw[name], want, name);
  }
});

Deno.test("flat points leave out what is no data and carry number, text and unit", async () => {
  const layout = layOut(await published(103), INVERTER);
  const points = decodePoints(
    layout,
    INVERTER,
    ({ name }) => name === "DCW" ? { quality: "sf_split", instead: undefined } : undefined,
  );
  assert.deepEqual(
    points.map(({ name, value, text, unit, quality }) => [name, value, text, unit, quality]),
    [
      ["A", 12.3, null, "A", null],
      ["AphA", 4.1, null, "A", null],
      ["AphB", 4.1, null, "A", null],
      ["PhVphA", 230.3, null, "V", null],
      ["PhVphB", 230.5, null, "V", null],
      ["PhVphC", 230.4, null, "V", null],
      ["W", -2000, null, "W", null],
      ["Hz", 50, null, "Hz", null],
      ["WH", 1_000_000, null, "Wh", null],
      ["DCV", 620, null, "V", null],
      ["DCW", 8000, null, "W", "sf_split"],
      ["TmpCab", 45, null, "C", null],
      ["TmpOt", -10, null, "C", null],
      ["St", 4, "MPPT", null, null],
      ["StVnd", 7, null, null, null],
      ["Evt1", 0x81, "GROUND_FAULT|OVER_TEMP", null, null],
      ["Evt2", 0x8000_0002, "BIT_1|BIT_31", null, null],
      ["EvtVnd1", 0, "", null, null],
    ],
  );
});

const MODULES = viewOf(
  "00A0 0030" +
    "FFFE FFFF 0000 8000 00000000 0002 FFFF" + // factors -2, -1, 0, none; Evt, N, TmsPer
    "0001 535452494E47203100000000000000 00 0385 1900 0E10 00000064 00000E10 0019 0004 00000000" +
    "0002 00000000000000000000000000000000 FFFF FFFF FFFF 00000000 FFFFFFFF 8000 0063 40000001",
);

Deno.test("a multiple MPPT extension has its modules in a list", async () => {
  const layout = layOut(await published(160), MODULES);
  assert.deepEqual(decode(layout, MODULES, false), {
    ID: 160,
    L: 48,
    DCA_SF: -2,
    DCV_SF: -1,
    DCW_SF: 0,
    DCWH_SF: null,
    Evt: [],
    N: 2,
    TmsPer: null,
    module: [{
      ID: 1,
      IDStr: "STRING 1",
      DCA: 9.01,
      DCV: 640,
      DCW: 3600,
      DCWH: null,
      Tms: 3600,
      Tmp: 25,
      DCSt: "MPPT",
      DCEvt: [],
    }, {
      ID: 2,
      IDStr: null,
      DCA: null,
      DCV: null,
      DCW: null,
      DCWH: null,
      Tms: null,
      Tmp: null,
      DCSt: 99,
      DCEvt: ["GROUND_FAULT", "BIT_30"],
    }],
  });
  assert.deepEqual(
    decodePoints(layout, MODULES).map(({ name, value, text }) => [name, value, text]),
    [
      ["Evt", 0, ""],
      ["N", 2, null],
      ["module[0].ID", 1, null],
      ["module[0].IDStr", null, "STRING 1"],
      ["module[0].DCA", 9.01, null],
      ["module[0].DCV", 640, null],
      ["module[0].DCW", 3600, null],
      ["module[0].Tms", 3600, null],
      ["module[0].Tmp", 25, null],
      ["module[0].DCSt", 4, "MPPT"],
      ["module[0].DCEvt", 0, ""],
      ["module[1].ID", 2, null],
      ["module[1].DCSt", 99, null],
      ["module[1].DCEvt", 0x4000_0001, "GROUND_FAULT|BIT_30"],
    ],
  );
});

const CURVES = viewOf(
  "02C1 0029" +
    "0001 0000 0001 0002 0002 0000003C 00000000 0000 FFFF FFFE 0000" +
    "0002 0000 0001 03E8 FFFF 0000 FFFF 0000000A 0001  0398 1388 0438 EC78" +
    "0002 0001 0000 03E8 FFFF 0000 FFFF 0000000A 0000  0384 0BB8 044C F448",
);

Deno.test("two curves of two points are nested as model 705 defines them", async () => {
  const layout = layOut(await published(705), CURVES, 2);
  const curve = {
    VRef: 100,
    VRefAuto: null,
    VRefAutoEna: "DISABLED",
    VRefAutoTms: null,
    RspTms: 10,
  };
  assert.deepEqual(decode(layout, CURVES, false), {
    ID: 705,
    L: 41,
    Ena: "ENABLED",
    AdptCrvReq: 0,
    AdptCrvRslt: "COMPLETED",
    NPt: 2,
    NCrv: 2,
    RvrtTms: 60,
    RvrtRem: 0,
    RvrtCrv: 0,
    V_SF: -1,
    DeptRef_SF: -2,
    RspTms_SF: 0,
    Crv: [{
      ActPt: 2,
      DeptRef: "W_MAX_PCT",
      Pri: "REACTIVE",
      ...curve,
      ReadOnly: "R",
      Pt: [{ V: 92, Var: 50 }, { V: 108, Var: -50 }],
    }, {
      ActPt: 2,
      DeptRef: "VAR_MAX_PCT",
      Pri: "ACTIVE",
      ...curve,
      ReadOnly: "RW",
      Pt: [{ V: 90, Var: 30 }, { V: 110, Var: -30 }],
    }],
  });
  assert.equal(decodePoints(layout, CURVES).at(-1)?.name, "Crv[1].Pt[1].Var");
});

function own(points: readonly object[], groups: readonly object[] = []): ModelDefinition {
  const header = [{ name: "ID", type: "uint16" }, { name: "L", type: "uint16" }];
  return parseDefinition(
    { id: 64_200, group: { name: "own", points: [...header, ...points], groups } },
    "own.json",
  );
}

Deno.test("numbers a double cannot hold are exact decimals in text", () => {
  const definition = own([
    { name: "SF", type: "sunssf" },
    { name: "A", type: "uint64" },
    { name: "B", type: "int64", sf: "SF" },
    { name: "C", type: "acc64", sf: 3 },
    { name: "D", type: "bitfield64", symbols: [{ name: "HIGH", value: 63 }] },
    { name: "E", type: "uint64" },
  ]);
  const image = viewOf(
    "FAC8 0015 FFFD 0020000000000001 8000000000000001 0020000000000000 8000000000000001" +
      "001FFFFFFFFFFFFF",
  );
  const layout = layOut(definition, image);
  const { A, B, C, D, E } = decode(layout, image, false);
  assert.deepEqual([A, B, C, D, E], [
    "9007199254740993",
    "-9223372036854775.807",
    "9007199254740992000",
    ["BIT_0", "HIGH"],
    9_007_199_254_740_991,
  ]);
  const raw = decode(layout, image, true);
  assert.deepEqual([raw.A, raw.B, raw.D, raw.E], [
    "9007199254740993",
    "-9223372036854775807",
    "9223372036854775809",
    9_007_199_254_740_991,
  ]);
  const points = decodePoints(layout, image);
  assert.deepEqual(points.map(({ value, text }) => [value, text]), [
    [9_007_199_254_740_992, "9007199254740993"],
    [-9_223_372_036_854_776, "-9223372036854775.807"],
    [9_007_199_254_740_992_000, "9007199254740992000"],
    [9_223_372_036_854_775_808, "BIT_0|HIGH"],
    [9_007_199_254_740_991, null],
  ]);
});

Deno.test("a state is what this device says, whatever others said before", () => {
  const symbols = [{ name: "ON", value: 1 }, { name: "OFF", value: 2 }];
  const definition = own([
    { name: "A", type: "enum16", symbols },
    { name: "B", type: "bitfield64", symbols },
    { name: "C", type: "string", size: 2 },
    { name: "D", type: "int16" },
  ]);
  const words = fc.array(fc.constantFrom(0, 1, 2, 0x4100, 0x4142, 0xffff), {
    minLength: 8,
    maxLength: 8,
  });
  const doubted = fc.constantFrom("", "A", "B", "C", "D");
  fc.assert(fc.property(fc.array(fc.tuple(words, doubted)), (devices) => {
    for (const [words, name] of devices) {
      const hex = words.map((word) => word.toString(16).padStart(4, "0")).join("");
      const image = viewOf(`FAC80008${hex}`);
      const layout = layOut(definition, image);
      const doubt = { quality: "sf_split", instead: undefined } as const;
      const points = decodePoints(layout, image, (leaf) => leaf.name === name ? doubt : undefined);
      const want = Object.entries(decode(layout, image, false)).slice(2)
        .filter(([, shown]) => shown !== null)
        .map(([key, shown]) => {
          const text = Array.isArray(shown) ? shown.join("|") : shown;
          return [key, typeof text === "string" ? text : null, key === name ? "sf_split" : null];
        });
      assert.deepEqual(points.map(({ name, text, quality }) => [name, text, quality]), want);
      const raw = decode(layout, image, true);
      for (const { name, value } of points) {
        assert.equal(value, name === "C" ? null : Number(raw[name]));
      }
    }
  }));
});

Deno.test("floats are what they are, scaled without noise, and never infinite", () => {
  const definition = own([
    { name: "A", type: "float32" },
    { name: "B", type: "float32", sf: -1 },
    { name: "C", type: "float64", sf: 2 },
    { name: "D", type: "float32" },
    { name: "E", type: "float64", sf: 10 },
  ]);
  const image = viewOf(
    "FAC8 000E 3FC00000 40400000 3FF8000000000000 7F800000 7FEFFFFFFFFFFFFF",
  );
  const layout = layOut(definition, image);
  const { A, B, C, D, E } = decode(layout, image, false);
  assert.deepEqual([A, B, C, D, E], [1.5, 0.3, 150, null, null]);
});

Deno.test("a scale factor that is not implemented or out of bounds makes its values null", () => {
  const definition = own([{ name: "SF", type: "sunssf" }, { name: "A", type: "int16", sf: "SF" }]);
  for (
    const [factor, want, warnings] of [
      ["0000", 7, 0],
      ["000A", 70_000_000_000, 0],
      ["FFF6", 7e-10, 0],
      ["000B", null, 1],
      ["FFF5", null, 1],
      ["7FFF", null, 1],
      ["8001", null, 1],
      ["8000", null, 0],
    ] as const
  ) {
    const image = viewOf(`FAC8 0002 ${factor} 0007`);
    const layout = layOut(definition, image);
    assert.equal(decode(layout, image, false).A, want, factor);
    assert.equal(decode(layout, image, true).A, 7);
    assert.equal(scaleWarnings(layout, image).length, warnings);
    assert.equal(decodePoints(layout, image).length, want === null ? 0 : 1);
  }
});

Deno.test("what the device's model has no room for is null", async () => {
  const image = viewOf("0067 0005 007B 0029 0029 0029 FFFF");
  const layout = layOut(await published(103), image);
  const { A, W, St, Evt1 } = decode(layout, image, false);
  assert.deepEqual([A, W, St, Evt1], [12.3, null, null, null]);
  assert.equal(decode(layout, image, true).W, null);
  const names = decodePoints(layout, image).map(({ name }) => name);
  assert.deepEqual(names, ["A", "AphA", "AphB", "AphC"]);
});

Deno.test("a selection leaves out other points, and groups without any", async () => {
  const layout = layOut(await published(160), MODULES);
  const select = (pattern: RegExp) =>
    decodeGroup(layout.root, MODULES, false, ({ name }) => pattern.test(name));
  assert.deepEqual(select(/^N$/), { N: 2 });
  assert.deepEqual(select(/DCA$/), { module: [{ DCA: 9.01 }, { DCA: null }] });
  assert.deepEqual(select(/module\[1\]\.ID$/), { module: [{}, { ID: 2 }] });
});

Deno.test("a fixed group is an object, a group that is not there an empty list", () => {
  const definition = own([], [
    { name: "once", points: [{ name: "A", type: "uint16" }, { name: "P", type: "pad" }] },
    { name: "none", count: 0, points: [{ name: "B", type: "uint16" }] },
  ]);
  const image = viewOf("FAC8 0002 0007 8000");
  const layout = layOut(definition, image);
  assert.deepEqual(decode(layout, image, false), { ID: 64_200, L: 2, once: { A: 7 }, none: [] });
});

Deno.test("displayText() is the value for a table, empty where there is none", async () => {
  const layout = layOut(await published(103), INVERTER);
  const text = (name: string, raw: boolean) => {
    const leaf = layout.leaves.find((leaf) => leaf.name === name) ?? assert.fail(name);
    return displayText(leaf, INVERTER, raw);
  };
  for (
    const [name, shown, raw] of [
      ["A", "12.3", "123"],
      ["St", "MPPT", "4"],
      ["Evt1", "GROUND_FAULT | OVER_TEMP", "129"],
      ["EvtVnd1", "", "0"],
      ["VA", "", ""],
    ] as const
  ) {
    assert.deepEqual([text(name, false), text(name, true)], [shown, raw], name);
  }
});
