import assert from "node:assert/strict";
import { run, simulate, temporaryFolder } from "../program.ts";

const OWN_JSON = {
  id: 65_000,
  group: {
    name: "own_model",
    type: "group",
    points: [
      { name: "ID", type: "uint16", size: 1, value: 65_000 },
      { name: "L", type: "uint16", size: 1 },
      { name: "Pump", type: "enum16", size: 1, symbols: [{ name: "ON", value: 1 }] },
      { name: "Flow", type: "uint16", size: 1, sf: -1, units: "l/min" },
    ],
  },
};

const OWN_SMDX = `<sunSpecModels v="1">
  <model id="65001" len="2" name="own_smdx">
    <block len="2">
      <point id="Temp" offset="0" type="int16" sf="-1" units="C" mandatory="true" />
      <point id="State" offset="1" type="enum16"><symbol id="OFF">0</symbol><symbol id="ON">1</symbol></point>
    </block>
  </model>
</sunSpecModels>`;

Deno.test("models", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const write = async (name: string, text: string) => {
    await Deno.mkdir(`${folder.path}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder.path}/${name}`, text);
  };
  await write("own/pump.json", JSON.stringify(OWN_JSON));
  await write("own/smdx_65001.xml", OWN_SMDX);
  await write("own/notes.txt", "no definition");

  await t.step("list has every published model, in every format", async () => {
    const { code, out, err } = await run(["models", "list", "--json"], here);
    assert.deepEqual([code, err], [0, ""]);
    const models: readonly { id: number; name: string; own: boolean }[] = JSON.parse(out);
    assert.equal(models.length, 112);
    assert.ok(models.every(({ own }) => !own));
    assert.equal(models.find(({ id }) => id === 103)?.name, "inverter_three_phase");
    const table = await run(["models", "list"], here);
    assert.equal(table.out.trimEnd().split("\n").length, 113);
    assert.match(table.out, /^103 +inverter_three_phase +built in$/m);
  });

  await t.step("show prints the points of a model, by id or by name", async () => {
    const byId = await run(["models", "show", "103", "--json"], here);
    assert.deepEqual(await run(["models", "show", "inverter_three_phase", "--json"], here), byId);
    const { id, name, points } = JSON.parse(byId.out);
    assert.deepEqual([id, name], [103, "inverter_three_phase"]);
    const power = points.find((point: { name: string }) => point.name === "W");
    assert.deepEqual(power, {
      name: "W",
      type: "int16",
      size: 1,
      scale_factor: "W_SF",
      unit: "W",
      access: "R",
      mandatory: true,
      symbols: [],
    });
    const table = await run(["models", "show", "160"], here);
    assert.match(table.out, /^module\[\]\.DCW +uint16 +1 +DCW_SF +W +R$/m);
    assert.match(table.out, /^Evt +bitfield32 .* 0=GROUND_FAULT /m);
  });

  await t.step("own definitions, JSON and SMDX, are listed, shown and read", async () => {
    const flags = ["--models-dir", "own"];
    const list = await run(["models", "list", ...flags], here);
    assert.match(list.out, /^65000 +own_model +own$/m);
    assert.match(list.out, /^65001 +own_smdx +own$/m);
    const env = { SUNSPEC_MODELS_DIR: "own" };
    const show = await run(["models", "show", "own_smdx"], { ...here, env });
    assert.match(show.out, /^State +enum16 +1 +R +0=OFF 1=ON$/m);
    await using simulation = await simulate(["--models", "1,65000,65001", ...flags], here);
    const [endpoint] = simulation.endpoints;
    const { out } = await run(["read", endpoint, "own_model", ...flags, "--json"], here);
    assert.equal(JSON.parse(out).models[0].points.Pump, "ON");
    const unknown = await run(["read", endpoint, "65000", "--json"], here);
    const [model] = JSON.parse(unknown.out).models;
    assert.equal(model.name, null);
    assert.equal(model.registers.length, 2);
  });

  await t.step("a model that nobody defines is not found", async () => {
    for (const name of ["9999", "inverter"]) {
      const { code, out, err } = await run(["models", "show", name], here);
      assert.deepEqual([code, out], [1, ""]);
      assert.equal(err, `error: There is no model "${name}", see: sunspool models list\n`);
    }
  });

  await t.step("malformed definitions are refused by their file, in one line", async () => {
    const smdx = (inner: string) => `<sunSpecModels v="1">${inner}</sunSpecModels>`;
    const block = '<model id="65001" len="1"><block len="1">';
    for (
      const [name, text, why] of [
        ["a.json", "{", "not JSON: "],
        ["b.json", "[]", "the document: must be an object"],
        ["c.json", '{"id": 0}', "id: must be an integer within 1–65534"],
        [
          "d.json",
          JSON.stringify({ ...OWN_JSON, group: { name: "x", points: [] } }),
          "must begin with ID and L",
        ],
        [
          "e.json",
          JSON.stringify(OWN_JSON).replace("enum16", "enum99"),
          'group.points[2].type: unknown type "enum99"',
        ],
        [
          "f.json",
          JSON.stringify(OWN_JSON).replace('"sf":-1', '"sf":"No_SF"'),
          'group.points[3].sf: there is no point "No_SF"',
        ],
        ["smdx_1.xml", "<sunSpecModels", "not XML: "],
        ["smdx_2.xml", "<other/>", "there is no sunSpecModels/model"],
        [
          "smdx_3.xml",
          smdx(`${block}<point id="A" type="int99"/></block></model>`),
          'unknown type "int99"',
        ],
        ["smdx_4.xml", smdx(`${block}<point type="int16"/></block></model>`), "name"],
        [
          "smdx_5.xml",
          `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>${
            smdx(`<model id="&a;"><block></block></model>`)
          }`,
          "",
        ],
      ] as const
    ) {
      const dir = `bad-${name}`;
      await write(`${dir}/${name}`, text);
      const { code, out, err } = await run(["models", "list", "--models-dir", dir], here);
      assert.deepEqual([code, out], [78, ""], `${name}: ${err}`);
      assert.ok(err.startsWith(`error: Cannot use model definition "${dir}/${name}": `), err);
      assert.ok(err.includes(why), err);
      assert.equal(err.split("\n").length, 2, err);
    }
    const missing = await run(["models", "list", "--models-dir", "nowhere"], here);
    assert.equal(missing.code, 78);
    assert.match(missing.err, /^error: Cannot read models folder "nowhere": No such file.*\n$/);
    await write("twins/a.json", JSON.stringify(OWN_JSON));
    await write("twins/b.json", JSON.stringify(OWN_JSON));
    const twins = await run(["models", "list", "--models-dir", "twins"], here);
    assert.equal(twins.code, 78);
    assert.equal(
      twins.err,
      'error: Cannot use model definition "twins/b.json": "twins/a.json" defines model 65000 too\n',
    );
  });
});
