import assert from "node:assert/strict";
import { ConfigError } from "../../lib/core/mod.ts";
import { parseDefinition } from "../../lib/sunspec/mod.ts";
import { publicationDifferences } from "./publications.ts";

const XML = `<sunSpecModels v="1"><model id="64210" len="8" name="tracker">
  <block len="4">
    <point id="Nam" offset="0" type="string" len="2" mandatory="true"/>
    <point id="A_SF" offset="2" type="sunssf"/>
    <point id="W" offset="3" type="int16" sf="A_SF" units="W" access="rw"/>
  </block>
  <block len="4" type="repeating">
    <point id="St" offset="0" type="enum16"><symbol id="OFF">0</symbol></point>
    <point id="Tmp" offset="1" type="int16" sf="-1"/>
    <point id="T" offset="2" type="uint32"/>
  </block>
</model></sunSpecModels>`;

function json(change: Readonly<Record<string, object>>) {
  const points = (all: readonly Readonly<Record<string, unknown>>[]) =>
    all.map((point) => ({ ...point, ...change[String(point.name)] }));
  return parseDefinition({
    id: 64_210,
    group: {
      name: "tracker",
      points: points([
        ...["ID", "L"].map((name) => ({ name, type: "uint16", mandatory: "M" })),
        { name: "Nam", type: "string", size: 2, mandatory: "M" },
        { name: "A_SF", type: "sunssf" },
        { name: "W", type: "int16", sf: "A_SF", units: "W", access: "RW" },
      ]),
      groups: [{
        name: "axis",
        count: 0,
        points: points([
          { name: "St", type: "enum16", symbols: [{ name: "OFF", value: 0 }] },
          { name: "Tmp", type: "int16", sf: -1 },
          { name: "T", type: "uint32" },
        ]),
      }],
    },
  }, "tracker.json");
}

Deno.test("two publications of a model are held against each other, fact by fact", () => {
  const differences = (change: Readonly<Record<string, object>>) =>
    publicationDifferences(XML, "tracker.xml", json(change))
      .map((line) => line.replace("64210 ", "").replace("in the XML form", "XML"));
  assert.deepEqual(differences({}), []);
  for (
    const [change, ...want] of [
      [{ W: { units: "kW" } }, 'W units: "W" XML, "kW" in the JSON form'],
      [{ W: { units: "" } }, 'W units: "W" XML, none in the JSON form'],
      [{ W: { access: "R" } }, 'W access: "RW" XML, "R" in the JSON form'],
      [{ W: { sf: -1 } }, 'W scale factor: "A_SF" XML, "-1" in the JSON form'],
      [{ A_SF: { mandatory: "M" } }, 'A_SF mandatory: "false" XML, "true" in the JSON form'],
      [{ Tmp: { type: "uint16" } }, 'axis[0].Tmp type: "int16" XML, "uint16" in the JSON form'],
      [{ Tmp: { name: "Temp" } }, 'axis[0].Temp name: "[0].Tmp" XML, "[0].Temp" in the JSON form'],
      [
        { St: { symbols: [{ name: "ON", value: 1 }] } },
        'axis[0].St symbols: "0 OFF" XML, "1 ON" in the JSON form',
      ],
      [
        { Tmp: { type: "int32" } },
        'axis[0].Tmp type: "int16" XML, "int32" in the JSON form',
        'axis[0].Tmp size: "1" XML, "2" in the JSON form',
        'axis[0].T offset: "8" XML, "9" in the JSON form',
      ],
    ] as const
  ) {
    assert.deepEqual(differences(change), want);
  }
});

Deno.test("what our parser cannot use is an error and no difference", () => {
  assert.throws(() => publicationDifferences("<a/>", "a.xml", json({})), ConfigError);
});
