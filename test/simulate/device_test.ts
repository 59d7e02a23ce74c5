import assert from "node:assert/strict";
import { publishedModels } from "../../models/sunspec/mod.ts";
import { ConfigError } from "../../lib/core/mod.ts";
import { type SimulatedDevice, simulateDevice } from "../../lib/simulate/mod.ts";
import {
  compileLayout,
  decodeGroup,
  Definitions,
  type Layout,
  lengthOf,
  scaleWarnings,
  wireValue,
} from "../../lib/sunspec/mod.ts";

const definitions = new Definitions(publishedModels);
const IDENTITY = {
  manufacturer: "Helio",
  model: "H-10",
  options: "",
  version: "1.2",
  serialNumber: "SN0001",
};

function simulate(
  models: readonly { readonly id: number; readonly groups: number }[],
  options: { readonly seed?: number; readonly baseAddress?: number } = {},
): Promise<SimulatedDevice> {
  const { seed = 1, baseAddress = 40_000 } = options;
  return simulateDevice({ identity: IDENTITY, unitId: 7, seed, baseAddress, models }, definitions);
}

/** The only model of a device, its layout and its registers in state n. */
async function modelAt(id: number, groups: number, n: number, seed = 1) {
  const definition = await definitions.get(id) ?? assert.fail(`there is no model ${id}`);
  const layout = compileLayout(definition, lengthOf(definition, groups), () => groups);
  const map = (await simulate([{ id, groups }], { seed })).mapAt(n);
  return { layout, image: new DataView(map.slice(4, -4).buffer) };
}

function valuesOf({ layout, image }: { readonly layout: Layout; readonly image: DataView }) {
  return decodeGroup(layout.root, image, false, () => true);
}

Deno.test("a simulated device serves any published model, complete and in bounds", async () => {
  for (const id of publishedModels.keys()) {
    for (const groups of [0, 1, 3]) {
      for (const n of [0, 700, 1_000_000]) {
        const { layout, image } = await modelAt(id, groups, n);
        const place = `model ${id} with ${groups} groups in state ${n}`;
        assert.equal(image.byteLength, (layout.length + 2) * 2, place);
        assert.deepEqual([image.getUint16(0), image.getUint16(2)], [id, layout.length], place);
        assert.deepEqual(scaleWarnings(layout, image), [], place);
        for (const leaf of layout.leaves) {
          const isLeftOut = leaf.definition.type.kind === "pad" || leaf.name === "Opt" ||
            /^acc/.test(leaf.definition.typeName);
          if (!isLeftOut) assert.notEqual(wireValue(leaf, image), null, `${place}: ${leaf.name}`);
        }
      }
    }
  }
});

Deno.test("its registers are a pure function of seed and state", async () => {
  const models = [{ id: 1, groups: 1 }, { id: 103, groups: 1 }, { id: 160, groups: 2 }];
  const [one, same, other] = await Promise.all([
    simulate(models),
    simulate(models),
    simulate(models, { seed: 2 }),
  ]);
  for (const n of [0, 1, 100, 1, 0]) {
    assert.deepEqual(one.mapAt(n), same.mapAt(n));
    assert.notDeepEqual(one.mapAt(n), other.mapAt(n));
    assert.notDeepEqual(one.mapAt(n), one.mapAt(n + 1).slice());
  }
});

Deno.test("its day makes sense: power by the sun, energy that never falls", async () => {
  let energy = 0;
  const states = new Set<unknown>();
  for (let n = 0; n < 1440; n += 10) {
    const { W, WH, St, Hz, A, PhVphA } = valuesOf(await modelAt(103, 1, n));
    assert.ok(typeof W === "number" && W >= 0 && W <= 8000);
    assert.ok(typeof WH === "number" && WH > energy);
    assert.ok(typeof Hz === "number" && Math.abs(Hz - 50) < 1);
    assert.ok(typeof A === "number" && typeof PhVphA === "number" && PhVphA > 200);
    assert.ok(W === 0 || St === "MPPT");
    energy = WH;
    states.add(St);
  }
  assert.deepEqual([...states].sort(), ["MPPT", "SLEEPING"]);
  const [noon, midnight] = [
    valuesOf(await modelAt(103, 1, 120)),
    valuesOf(await modelAt(103, 1, 840)),
  ];
  assert.ok(Number(noon.W) > 5000);
  assert.deepEqual([midnight.W, midnight.St], [0, "SLEEPING"]);
});

Deno.test("no group of any device has an energy below zero", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { module } = valuesOf(await modelAt(160, 3, 0, seed));
    assert.ok(Array.isArray(module));
    // A counter below zero is a very large one on the wire.
    for (const { DCWH } of module) assert.ok(Number(DCWH) < 2 ** 31, `seed ${seed}: ${DCWH}`);
  }
});

Deno.test("it says who it is and what its groups are", async () => {
  const { Mn, Md, Opt, Vr, SN, DA } = valuesOf(await modelAt(1, 1, 0));
  assert.deepEqual([Mn, Md, Opt, Vr, SN, DA], ["Helio", "H-10", null, "1.2", "SN0001", 7]);
  const { N, module } = valuesOf(await modelAt(160, 3, 0));
  assert.equal(N, 3);
  assert.equal(Array.isArray(module) && module.length, 3);
  const { NCrv, NPt, Crv } = valuesOf(await modelAt(705, 2, 0));
  assert.deepEqual([NCrv, NPt, Array.isArray(Crv) && Crv.length], [2, 2, 2]);
});

Deno.test("it refuses registers outside its map", async () => {
  const device = await simulate([{ id: 1, groups: 1 }], { baseAddress: 100 });
  const last = 100 + 2 + 68 + 2 - 1;
  for (
    const [address, quantity, want] of [
      [100, 2, "53756e53"],
      [102, 2, "00010042"],
      [last - 1, 2, "ffff0000"],
      [99, 1, 2],
      [99, 2, 2],
      [last, 2, 2],
      [last + 1, 1, 2],
      [0, 125, 2],
      [65_535, 1, 2],
    ] as const
  ) {
    const got = device.read(address, quantity, 0);
    assert.equal(typeof got === "number" ? got : got.toHex(), want, `${address}+${quantity}`);
  }
});

Deno.test("what cannot be simulated is a configuration error", async () => {
  await assert.rejects(simulate([{ id: 64_999, groups: 1 }]), {
    name: "ConfigError",
    message: 'Cannot simulate model "64999": it has no definition',
  });
  await assert.rejects(simulate([{ id: 160, groups: 2000 }]), ConfigError);
  await assert.rejects(simulate([{ id: 1, groups: 1 }], { baseAddress: 65_500 }), ConfigError);
});
