import assert from "node:assert/strict";
import { ConfigError } from "../../lib/core/mod.ts";
import { compileLayout, lengthOf, parseDefinition } from "../../lib/sunspec/mod.ts";
import { smdxToJson } from "../../lib/sunspec/smdx.ts";

const TRACKER = `<?xml version="1.0" encoding="UTF-8"?>
<!-- A model of our own, in the older form. -->
<sunSpecModels v="1">
  <model id="64210" len="14" name="tracker">
    <block len="6">
      <point id="Nam" offset="0" type="string" len="2" mandatory="true"/>
      <point id="A_SF" offset="2" type="sunssf"/>
      <point id="W" offset="3" type="uint32" sf="A_SF" units="W" access="rw"/>
      <point id="St" offset="5" type="enum16">
        <symbol id="OFF">0</symbol>
        <symbol id="ON"><![CDATA[1]]></symbol>
      </point>
    </block>
    <block len="4" type="repeating" name="axis">
      <point id="Angle" offset="0" type="int32" sf="-2" units="Degrees"/>
      <point id="Alm" offset="2" type="bitfield16"><symbol id="STUCK">3</symbol></point>
      <point id="Pad" offset="3" type="pad"/>
    </block>
  </model>
  <strings id="64210" locale="en">
    <model><label>Tracker</label></model>
    <point id="W"><label>Watts &amp; more</label></point>
  </strings>
</sunSpecModels>`;

Deno.test("a definition in the XML form becomes the same as one in JSON", () => {
  const definition = parseDefinition(smdxToJson(TRACKER, "tracker.xml"), "tracker.xml");
  assert.deepEqual([definition.id, definition.name], [64_210, "tracker"]);
  const layout = compileLayout(definition, lengthOf(definition, 2), () => undefined);
  assert.deepEqual(
    layout.leaves.map(({ name, definition: { typeName, size, units }, offset, scale }) =>
      [offset, name, typeName, size, typeof scale === "object" ? scale.name : scale, units].join(
        " ",
      )
    ),
    [
      "0 ID uint16 1  ",
      "1 L uint16 1  ",
      "2 Nam string 2  ",
      "4 A_SF sunssf 1  ",
      "5 W uint32 2 A_SF W",
      "7 St enum16 1  ",
      "8 axis[0].Angle int32 2 -2 Degrees",
      "10 axis[0].Alm bitfield16 1  ",
      "11 axis[0].Pad pad 1  ",
      "12 axis[1].Angle int32 2 -2 Degrees",
      "14 axis[1].Alm bitfield16 1  ",
      "15 axis[1].Pad pad 1  ",
    ],
  );
  const point = (name: string) =>
    layout.leaves.find((leaf) => leaf.name === name)?.definition ?? assert.fail(name);
  assert.deepEqual([...point("St").symbols], [[0, "OFF"], [1, "ON"]]);
  assert.deepEqual([...point("axis[0].Alm").symbols], [[3, "STUCK"]]);
  assert.deepEqual(
    [point("W").isWritable, point("Nam").isMandatory, point("St").isMandatory],
    [true, true, false],
  );
});

Deno.test("a model without a name, or with a byte order mark, is a model", () => {
  const bare = `\ufeff<sunSpecModels><model id="64211"><block/></model></sunSpecModels>`;
  const definition = parseDefinition(smdxToJson(bare, "bare.xml"), "bare.xml");
  assert.deepEqual([definition.name, definition.group.points.length], ["model_64211", 2]);
});

/** A model with one point, and something in front of it. */
function around(point: string, before = ""): string {
  return `${before}<sunSpecModels><model id="64212"><block>${point}</block></model></sunSpecModels>`;
}

Deno.test("what is no XML or no model is one clear configuration error", () => {
  const block = '<block type="repeating"><point id="A" type="int16"/></block>';
  for (
    const [xml, fault] of [
      ["", "not XML"],
      ["hello", "not XML"],
      ["{}", "not XML"],
      ["<sunSpecModels>", "not XML"],
      ["<sunSpecModels><model></sunSpecModels></model>", "not XML"],
      ['<sunSpecModels><model id="1" id="2"/></sunSpecModels>', "not XML"],
      ["<a>".repeat(100_000), "not XML"],
      ["<html><body/></html>", "there is no sunSpecModels/model"],
      ["<sunSpecModels/>", "there is no sunSpecModels/model"],
      ["<sunSpecModels><model/></sunSpecModels>", "id: must be an integer"],
      ['<sunSpecModels><model id="1"/><model id="2"/></sunSpecModels>', "id: must be an integer"],
      ['<sunSpecModels><model id="x"/></sunSpecModels>', "id: must be an integer"],
      [around(`</block><block>`), "a block type appears twice"],
      [around(`</block>${block}${block}<block>`), "a block type appears twice"],
      [around('<point id="A" offset="1" type="int16"/>'), 'point "A" has offset 1, the points'],
      [
        around('<point id="A" offset="0" type="int32"/><point id="B" offset="1" type="int16"/>'),
        'point "B" has offset 1, the points before it end at 2',
      ],
      [around('</block><block type="repeating" len="9">'), "a block has len 9, the points before"],
      [around('<point id="A" type="int32" len="1"/>'), "size: is 1, the type has 2"],
      [around('<point type="int16"/>'), "group.points[2].name: must be a name"],
      [around('<point id="A"/>'), "group.points[2].type: must be a name"],
      [around('<point id="A" type="uint8"/>'), 'unknown type "uint8"'],
      [around('<point id="A" type="string"/>'), "size: must be a number of registers"],
      [around('<point id="A" type="string" len="x"/>'), "size: must be a number of registers"],
      [around('<point id="A" type="int16" sf="B"/>'), 'there is no point "B"'],
      [around('<point id="A" type="enum16"><symbol id="X"/></point>'), "must be an integer"],
      [around('<point id="A" type="enum16"><symbol>1</symbol></point>'), "must be a name"],
    ] as const
  ) {
    assert.throws(() => parseDefinition(smdxToJson(xml, "own.xml"), "own.xml"), (error) => {
      const start = 'Cannot use model definition "own.xml": ';
      assert.ok(error instanceof ConfigError, String(error));
      assert.ok(error.message.startsWith(start) && error.message.includes(fault), error.message);
      return true;
    }, fault);
  }
});

Deno.test("entities are not expanded, and files are not read", () => {
  const laughs = Array.from(
    { length: 30 },
    (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`,
  );
  for (
    const doctype of [
      `<!DOCTYPE d [<!ENTITY l0 "ha">${laughs.join("")}<!ENTITY e "&l30;">]>`,
      '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
      '<!DOCTYPE d [<!ENTITY e PUBLIC "x" "http://127.0.0.1/x">]>',
      '<!DOCTYPE d [<!ENTITY e "1">]>',
      '<!DOCTYPE d SYSTEM "file:///etc/hostname">',
    ]
  ) {
    for (const use of ["&e;", "&l30;"]) {
      const point =
        `<point id="A" type="enum16" units="${use}"><symbol id="${use}">1</symbol></point>`;
      try {
        const { group } = parseDefinition(smdxToJson(around(point, doctype), "own.xml"), "own.xml");
        assert.deepEqual([...group.points[2]?.symbols ?? []], [[1, use]]);
        assert.equal(group.points[2]?.units, use);
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
      }
    }
  }
});
