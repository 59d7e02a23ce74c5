import assert from "node:assert/strict";
import { publishedModels } from "../../models/sunspec/mod.ts";
import { ConfigError } from "../../lib/core/mod.ts";
import {
  compileLayout,
  type GroupDefinition,
  lengthOf,
  parseDefinition,
  type PointDefinition,
} from "../../lib/sunspec/mod.ts";

Deno.test("all 112 published models can be used", async () => {
  assert.equal(publishedModels.size, 112);
  for (const [id, { name, load }] of publishedModels) {
    const { default: json } = await load();
    const definition = parseDefinition(json, `model ${id}`);
    assert.deepEqual([definition.id, definition.name], [id, name]);
    for (const groups of [0, 1, 2, 3]) {
      const length = lengthOf(definition, groups);
      const layout = compileLayout(definition, length, () => groups);
      const last = layout.leaves.at(-1);
      assert.deepEqual(layout.warnings, [], `model ${id} with ${groups} groups`);
      assert.equal(last && last.offset + last.definition.size, length + 2);
    }
  }
});

/** A model around some members; the header is put in front of the points. */
function model(
  members: { readonly points?: unknown; readonly groups?: unknown },
  id: unknown = 64_200,
) {
  const points = Array.isArray(members.points) ? members.points : [];
  const header = [{ name: "ID", type: "uint16" }, { name: "L", type: "uint16" }];
  return { id, group: { name: "own", ...members, points: [...header, ...points] } };
}

Deno.test("a definition becomes points and groups, ready for use", () => {
  const { id, name, group } = parseDefinition(
    model({
      points: [
        { name: "A_SF", type: "sunssf" },
        { name: "N", type: "count" },
        {
          name: "A",
          type: "int16",
          size: 1,
          sf: "A_SF",
          units: "A",
          access: "RW",
          mandatory: "M",
          static: "S",
        },
        { name: "B", type: "uint32", sf: -2, units: "" },
        { name: "Name", type: "string", size: 8 },
        {
          name: "Mode",
          type: "enum16",
          symbols: [{ name: "ON", value: 1 }, { name: "X", value: 1 }],
        },
        { name: "Pad", type: "pad" },
      ],
      groups: [{
        name: "string",
        count: "N",
        points: [{ name: "V", type: "uint16", sf: "A_SF" }],
        groups: [{ name: "cell", count: 4, points: [{ name: "V", type: "uint16" }] }],
      }, { name: "rest", count: 0, points: [{ name: "W", type: "uint16" }] }],
    }),
    "own.json",
  );
  assert.deepEqual([id, name], [64_200, "own"]);
  const point = (name: string): Partial<PointDefinition> =>
    group.points.find((point) => point.name === name) ?? {};
  const { isStatic, isWritable, isMandatory, scaleFactor, units, size } = point("A");
  assert.deepEqual(
    { isStatic, isWritable, isMandatory, scaleFactor, units, size },
    {
      isStatic: true,
      isWritable: true,
      isMandatory: true,
      scaleFactor: "A_SF",
      units: "A",
      size: 1,
    },
  );
  assert.deepEqual(
    group.points.map(({ name, size }) => `${name} ${size}`),
    ["ID 1", "L 1", "A_SF 1", "N 1", "A 1", "B 2", "Name 8", "Mode 1", "Pad 1"],
  );
  assert.equal(point("B").scaleFactor, -2);
  assert.equal(point("B").units, undefined);
  assert.equal(point("B").isStatic, false);
  assert.deepEqual([...point("Mode").symbols ?? []], [[1, "ON"]]);
  const outline = (group: GroupDefinition): unknown => [
    group.name,
    group.count,
    group.groups.map(outline),
  ];
  assert.deepEqual(outline(group), [
    "own",
    undefined,
    [["string", "N", [["cell", 4, []]]], ["rest", 0, []]],
  ]);
});

Deno.test("a malformed definition is one clear configuration error", () => {
  const point = (fields: object) => model({ points: [{ name: "A", type: "uint16", ...fields }] });
  const symbols = (symbols: unknown) => point({ type: "enum16", symbols });
  const group = (fields: object) =>
    model({
      points: [{ name: "N", type: "count" }],
      groups: [{ name: "g", points: [{ name: "B", type: "uint16" }], ...fields }],
    });
  for (
    const [json, fault] of [
      [null, "the document: must be an object"],
      [[], "the document: must be an object"],
      ["model", "the document: must be an object"],
      [{}, "id: must be an integer within 1–65534"],
      [model({}, "103"), "id: must be an integer within 1–65534"],
      [model({}, 0), "id: must be an integer within 1–65534"],
      [model({}, 65_535), "id: must be an integer within 1–65534"],
      [model({}, 1.5), "id: must be an integer within 1–65534"],
      [{ id: 1 }, "group: must be an object"],
      [{ id: 1, group: [] }, "group: must be an object"],
      [{ id: 1, group: { points: [] } }, "group.name: must be a name"],
      [{ id: 1, group: { name: "" } }, "group.name: must be a name"],
      [{ id: 1, group: { name: "x" } }, "group.points: must begin with ID and L"],
      [{ id: 1, group: { name: "x", points: {} } }, "group.points: must be an array"],
      [
        { id: 1, group: { name: "x", points: [{ name: "ID", type: "uint32" }] } },
        "group.points: must begin with ID and L",
      ],
      [
        {
          id: 1,
          group: {
            name: "x",
            points: [{ name: "L", type: "uint16" }, { name: "ID", type: "uint16" }],
          },
        },
        "group.points: must begin with ID and L",
      ],
      [model({ points: ["A"] }), "group.points[2]: must be an object"],
      [point({ name: undefined }), "group.points[2].name: must be a name"],
      [point({ name: 7 }), "group.points[2].name: must be a name"],
      [point({ name: "ID" }), 'group: "ID" is defined twice'],
      [point({ type: undefined }), "group.points[2].type: must be a name"],
      [point({ type: "uint8" }), 'group.points[2].type: unknown type "uint8"'],
      [point({ type: "toString" }), 'group.points[2].type: unknown type "toString"'],
      [point({ type: "__proto__" }), 'group.points[2].type: unknown type "__proto__"'],
      [point({ type: "string" }), "group.points[2].size: must be a number of registers"],
      [point({ type: "string", size: 0 }), "group.points[2].size: must be a number of registers"],
      [point({ type: "string", size: -1 }), "group.points[2].size: must be a number of registers"],
      [point({ type: "string", size: 1.5 }), "group.points[2].size: must be a number of registers"],
      [point({ type: "string", size: "8" }), "group.points[2].size: must be a number of registers"],
      [
        point({ type: "string", size: 65_536 }),
        "group.points[2].size: must be a number of registers",
      ],
      [point({ size: 2 }), "group.points[2].size: is 2, the type has 1"],
      [point({ sf: "A_SF" }), 'group.points[2].sf: there is no point "A_SF"'],
      [point({ sf: "L" }), 'group.points[2].sf: "L" is no sunssf'],
      [
        point({ sf: 11 }),
        "group.points[2].sf: must be the name of a point or an integer within ±10",
      ],
      [
        point({ sf: "-11" }),
        "group.points[2].sf: must be the name of a point or an integer within ±10",
      ],
      [
        point({ sf: 0.5 }),
        "group.points[2].sf: must be the name of a point or an integer within ±10",
      ],
      [
        point({ sf: [] }),
        "group.points[2].sf: must be the name of a point or an integer within ±10",
      ],
      [symbols({}), "group.points[2].symbols: must be an array"],
      [symbols([1]), "group.points[2].symbols[0]: must be an object"],
      [symbols([{ name: "ON" }]), "group.points[2].symbols[0].value: must be an integer"],
      [
        symbols([{ name: "ON", value: "one" }]),
        "group.points[2].symbols[0].value: must be an integer",
      ],
      [
        symbols([{ name: "ON", value: null }]),
        "group.points[2].symbols[0].value: must be an integer",
      ],
      [
        symbols([{ name: "ON", value: "" }]),
        "group.points[2].symbols[0].value: must be an integer",
      ],
      [
        symbols([{ name: "ON", value: true }]),
        "group.points[2].symbols[0].value: must be an integer",
      ],
      [symbols([{ value: 1 }]), "group.points[2].symbols[0].name: must be a name"],
      [model({ groups: {} }), "group.groups: must be an array"],
      [model({ groups: [7] }), "group.groups[0]: must be an object"],
      [group({ name: "N" }), 'group: "N" is defined twice'],
      [group({ count: -1 }), "group.groups[0].count: must be a name"],
      [group({ count: 1.5 }), "group.groups[0].count: must be a name"],
      [group({ count: {} }), "group.groups[0].count: must be a name"],
      [group({ count: "M" }), 'group.groups[0].count: there is no point "M"'],
      [group({ count: "B" }), 'group.groups[0].count: there is no point "B"'],
      [nested(100_000), "is nested too deeply"],
    ] as const
  ) {
    assert.throws(() => parseDefinition(json, "own.json"), (error) => {
      const start = 'Cannot use model definition "own.json": ';
      assert.ok(error instanceof ConfigError, String(error));
      assert.ok(error.message.startsWith(start) && error.message.includes(fault), error.message);
      assert.ok(!error.message.includes("\n"));
      return true;
    }, fault);
  }
});

/** Groups within groups. */
function nested(depth: number): unknown {
  let group: unknown = { name: "g", points: [{ name: "A", type: "uint16" }] };
  for (let i = 0; i < depth; i++) group = { name: "g", groups: [group] };
  return model({ groups: [group] });
}
