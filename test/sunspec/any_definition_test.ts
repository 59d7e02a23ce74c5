import assert from "node:assert/strict";
import { ConfigError } from "../../lib/core/mod.ts";
import {
  compileLayout,
  decodeGroup,
  decodePoints,
  loadDefinitions,
  type ModelDefinition,
  parseDefinition,
} from "../../lib/sunspec/mod.ts";
import { smdxToJson } from "../../lib/sunspec/smdx.ts";
import { publishedModels } from "../../models/sunspec/mod.ts";
import { Chance } from "../modbus/chance.ts";

const ROUNDS = 6000;
const SOURCE = "own/definition";

/** What stands where something else should. */
const VALUES: readonly [unknown, ...unknown[]] = [
  null,
  ...[true, 0, 1, -1, 1.5, 65_535, 65_536, 1e308, "", "0", "-3", "A", "W_SF", "N", "\0"],
  ...["__proto__", "constructor", "uint16", "string", "sunssf", "pad", "count", "x".repeat(70_000)],
  ...[[], {}, [[]], [null], { name: "A" }, [{ name: "A", type: "uint16" }], { toString: 1 }],
];
const KEYS = ["name", "type", "size", "sf", "count", "points", "groups", "symbols", "value", "id"];

/** A document with some of its nodes replaced, doubled, removed or wrapped. */
function mutated(node: unknown, rate: number, chance: Chance): unknown {
  if (chance.next() < rate) return chance.of(...VALUES);
  if (Array.isArray(node)) {
    const all = node.flatMap((item) => {
      const inner = mutated(item, rate, chance);
      if (chance.next() >= rate) return [inner];
      return chance.of<unknown[]>([], [inner, inner], [[inner]], new Array(200).fill(inner));
    });
    return all;
  }
  if (typeof node !== "object" || node === null) return node;
  const fields = Object.entries(node).map(([key, value]) => [
    chance.next() < rate / 4 ? KEYS[chance.below(KEYS.length)] : key,
    mutated(value, rate, chance),
  ]);
  return Object.fromEntries(fields);
}

/** A text with bytes changed, lost or repeated. */
function garbled(text: string, chance: Chance): string {
  let garbled = text;
  for (let times = 1 + chance.below(2); times > 0; times--) {
    const at = chance.below(garbled.length);
    const length = chance.below(chance.of(1, 3, 200));
    const insert = chance.of(
      ...["", "<", ">", "&", '"', "{", "]", ",", "9", "\0", "\u{fffd}", "<!--", "]]>", "&amp;"],
      ...[
        "<![CDATA[",
        '<!DOCTYPE a [<!ENTITY b "c">]>',
        "<?xml version='1.0'?>",
        "<block>",
        "<a/>",
      ],
      garbled.slice(at, at + chance.below(300)),
    );
    garbled = garbled.slice(0, at) + insert + garbled.slice(at + length);
  }
  return garbled;
}

/** Lays a definition out for devices that say anything, and decodes them. */
function use(model: ModelDefinition, chance: Chance): void {
  const length = chance.of(0, 1, 50, 300, chance.below(4000));
  const layout = compileLayout(model, length, () => chance.of(undefined, 0, 2, 65_534, -1, 1.5));
  const image = new DataView(chance.bytes((length + 2) * 2).slice().buffer);
  decodeGroup(layout.root, image, chance.next() < 0.5, () => true);
  decodePoints(layout, image);
}

/** Whether a definition was accepted; anything but a configuration error that names it is thrown. */
function isAccepted(parse: () => unknown, chance: Chance): boolean {
  let model;
  try {
    model = parseDefinition(parse(), SOURCE);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.ok(error.message.startsWith(`Cannot use model definition "${SOURCE}": `), error.message);
    assert.ok(!error.message.includes("\n"), error.message);
    return false;
  }
  use(model, chance);
  return true;
}

async function check(parse: (json: unknown, chance: Chance) => () => unknown): Promise<void> {
  const chance = new Chance();
  const documents = await Promise.all([...publishedModels.values()].map(({ load }) => load()));
  const seen = { accepted: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const json = documents[chance.below(documents.length)]?.default;
    try {
      seen[isAccepted(parse(json, chance), chance) ? "accepted" : "refused"]++;
    } catch (cause) {
      throw chance.failure(round, cause);
    }
  }
  assert.ok(Math.min(seen.accepted, seen.refused) > ROUNDS / 100, JSON.stringify(seen));
}

Deno.test("a JSON definition with any of its parts wrong works or is a configuration error", () =>
  check((json, chance) => () => mutated(json, chance.of(0.001, 0.005, 0.05), chance)));

const XML = `<?xml version="1.0"?>
<sunSpecModels v="1"><model id="64210" len="12" name="tracker">
  <block len="6">
    <point id="Nam" offset="0" type="string" len="2" mandatory="true"/>
    <point id="A_SF" offset="2" type="sunssf"/>
    <point id="W" offset="3" type="uint32" sf="A_SF" units="W" access="rw"/>
    <point id="St" offset="5" type="enum16"><symbol id="OFF">0</symbol><symbol id="ON"><![CDATA[1]]></symbol></point>
  </block>
  <block len="4" type="repeating" name="axis">
    <point id="Angle" offset="0" type="int32" sf="-2" units="Degrees"/>
    <point id="Alm" offset="2" type="bitfield16"><symbol id="STUCK">3</symbol></point>
    <point id="Pad" offset="3" type="pad"/>
  </block></model><strings id="64210"><model><label>Tracker &amp; more</label></model></strings>
</sunSpecModels>`;

Deno.test("an XML definition with any of its text wrong works or is a configuration error", () =>
  check((_json, chance) => () => smdxToJson(garbled(XML, chance), SOURCE)));

/** Definitions that are large, or make one think long. */
function monsters(): readonly (readonly [name: string, text: string, fault: RegExp])[] {
  const points = (count: number, more: object) =>
    Array.from({ length: count }, (_, i) => ({ name: `P${i}`, type: "uint16", ...more }));
  const model = (more: object) => {
    const head = [{ name: "ID", type: "uint16" }, { name: "L", type: "uint16" }];
    const { points = [], ...group } = { points: Array<object>(), ...more };
    return JSON.stringify({
      id: 64_200,
      group: { name: "m", points: [...head, ...points], ...group },
    });
  };
  const groups = Array.from({ length: 20_000 }, (_, i) => ({ name: `g${i}`, count: 0 }));
  const laughs = Array.from(
    { length: 50 },
    (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(50)}">`,
  );
  const deep = `${"<block>".repeat(50_000)}${"</block>".repeat(50_000)}`;
  return [
    ["a.json", model({ points: points(70_000, {}) }), /has 70002 registers, a model has 65537/],
    ["a.json", model({ groups }), /has more than 64 groups/],
    ["a.json", "[".repeat(1_000_000), /not JSON/],
    ["a.json", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, /must be an object/],
    ["a.json", '{"id":1,"id":2,"group":{"name":"x"}}', /must begin with ID and L/],
    ["a.json", "\ufeff\0\ufffd", /not JSON/],
    ["a.json", `"${"x".repeat(5_000_000)}"`, /it has 5000002 bytes, at most 4194304 are read/],
    ["smdx_1.xml", `<!DOCTYPE d [<!ENTITY l0 "ha">${laughs.join("")}]><a>&l50;</a>`, /definition/],
    ["smdx_1.xml", `<!DOCTYPE d [<!ENTITY % a "%b;"><!ENTITY % b "%a;">%a;]><a/>`, /definition/],
    ["smdx_1.xml", `<sunSpecModels><model id="1">${deep}</model></sunSpecModels>`, /definition/],
    ["smdx_1.xml", `<a ${'b="c" '.repeat(100_000)}/>`, /definition/],
    ["smdx_1.xml", `<a ${" ".repeat(1_000_000)}`, /not XML/],
    ["smdx_1.xml", "<!--".repeat(200_000), /not XML/],
  ];
}

Deno.test("a monstrous definition is one configuration error that names its file", async (t) => {
  for (const [name, text, fault] of monsters()) {
    await t.step(`${name} ${text.slice(0, 30)}`, async () => {
      const folder = await Deno.makeTempDir({ prefix: "sunspool-models-" });
      try {
        await Deno.writeTextFile(`${folder}/${name}`, text);
        await assert.rejects(loadDefinitions(publishedModels, folder), (error) => {
          assert.ok(error instanceof ConfigError, String(error));
          assert.match(error.message, fault);
          assert.ok(error.message.includes(`"${folder}/${name}"`) && error.message.length < 500);
          return true;
        });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
});

Deno.test("a large definition that a device may have is laid out and decoded", () => {
  const points = Array.from(
    { length: 30_000 },
    (_, i) => ({ name: `P${i}`, type: "int16", sf: "SF" }),
  );
  const definition = parseDefinition({
    id: 64_200,
    group: {
      name: "large",
      points: [
        ...["ID", "L"].map((name) => ({ name, type: "uint16" })),
        ...points,
        { name: "SF", type: "sunssf" },
        { name: "S", type: "string", size: 30_000 },
      ],
      groups: [{ name: "g", count: 0, points: [{ name: "V", type: "int16", sf: "SF" }] }],
    },
  }, SOURCE);
  const layout = compileLayout(definition, 65_535, () => undefined);
  assert.equal(layout.leaves.length, 2 + 30_000 + 1 + 1 + 5_534);
  const image = new DataView(new Uint8Array((65_535 + 2) * 2).fill(0x20).buffer);
  image.setInt16(30_002 * 2, -1);
  image.setUint8((30_003 + 30_000) * 2 - 1, 0x78);
  const decoded = decodePoints(layout, image);
  assert.equal(decoded[0]?.value, 822.4);
  assert.equal(decoded[30_000]?.text?.length, 60_000);
});
