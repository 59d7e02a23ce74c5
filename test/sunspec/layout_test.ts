import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compileLayout,
  hasCountPoints,
  type Layout,
  type Leaf,
  lengthOf,
  type ModelDefinition,
  parseDefinition,
} from "../../lib/sunspec/mod.ts";
import { allPublished, published } from "./published.ts";

/** `name offset`, `name offset!` where the device's model ends before it. */
function outline({ leaves }: Layout): string {
  return leaves.map(({ name, offset, isPresent }) => `${name} ${offset}${isPresent ? "" : "!"}`)
    .join(", ");
}

/** Points are `name:type:size`, groups follow in the same form as the model. */
interface Sketch {
  readonly name: string;
  readonly count?: number | string;
  readonly points: string;
  readonly groups?: readonly Sketch[];
}

function sketch(groups: readonly Sketch[], points: string): ModelDefinition {
  const json = ({ name, count, points, groups }: Sketch): unknown => ({
    name,
    count,
    points: points.split(" ").filter((point) => point !== "").map((point) => {
      const [name, type = "uint16", size] = point.split(":");
      const [bare, sf] = (name ?? "").split("*");
      return { name: bare, type, size: size === undefined ? undefined : Number(size), sf };
    }),
    groups: groups?.map(json),
  });
  const group = json({ name: "own", points: `ID L ${points}`, groups });
  return parseDefinition({ id: 64_200, group }, "own.json");
}

Deno.test("compileLayout() puts every point of a device's model in its place", async () => {
  const counts = (values: { readonly [name: string]: number }) => ({ name }: Leaf) => values[name];
  const curves = sketch(
    [{
      name: "Crv",
      count: "NCrv",
      points: "Act",
      groups: [{ name: "Pt", count: "NPt", points: "V Var:int16" }],
    }],
    "NPt NCrv",
  );
  const open = sketch([{ name: "g", count: 0, points: "A B:uint32" }], "X");
  for (
    const [name, definition, length, values, want, warnings] of [
      ["points only", sketch([], "A B:uint32 S:string:3"), 6, {}, "ID 0, L 1, A 2, B 3, S 5", []],
      [
        "a group by length",
        open,
        7,
        {},
        "ID 0, L 1, X 2, g[0].A 3, g[0].B 4, g[1].A 6, g[1].B 7",
        [],
      ],
      ["a group by length, there not at all", open, 1, {}, "ID 0, L 1, X 2", []],
      [
        "a group by length with a rest",
        open,
        6,
        {},
        "ID 0, L 1, X 2, g[0].A 3, g[0].B 4",
        ["length 6, the definition covers 4: the registers beyond it are left out"],
      ],
      [
        "nested groups by points",
        curves,
        12,
        { NPt: 2, NCrv: 2 },
        "ID 0, L 1, NPt 2, NCrv 3, Crv[0].Act 4, Crv[0].Pt[0].V 5, Crv[0].Pt[0].Var 6, " +
        "Crv[0].Pt[1].V 7, Crv[0].Pt[1].Var 8, Crv[1].Act 9, Crv[1].Pt[0].V 10, " +
        "Crv[1].Pt[0].Var 11, Crv[1].Pt[1].V 12, Crv[1].Pt[1].Var 13",
        [],
      ],
      [
        "counts of 0",
        curves,
        2,
        { NPt: 0, NCrv: 0 },
        "ID 0, L 1, NPt 2, NCrv 3",
        [],
      ],
      [
        "counts that are not implemented",
        curves,
        2,
        {},
        "ID 0, L 1, NPt 2, NCrv 3",
        [],
      ],
      [
        "curves without points",
        curves,
        5,
        { NPt: 0, NCrv: 3 },
        "ID 0, L 1, NPt 2, NCrv 3, Crv[0].Act 4, Crv[1].Act 5, Crv[2].Act 6",
        [],
      ],
      [
        "more groups than the length has room for",
        curves,
        5,
        { NPt: 1, NCrv: 4 },
        "ID 0, L 1, NPt 2, NCrv 3, Crv[0].Act 4, Crv[0].Pt[0].V 5, Crv[0].Pt[0].Var 6",
        ["Crv: 4 groups are announced, length 5 has room for 1"],
      ],
      [
        "a group that is there in part",
        curves,
        4,
        { NPt: 1, NCrv: 1 },
        "ID 0, L 1, NPt 2, NCrv 3, Crv[0].Act 4, Crv[0].Pt[0].V 5, Crv[0].Pt[0].Var 6!",
        ["length 4, the definition has 5: the points beyond it are left out"],
      ],
      [
        "fixed and counted groups, a count of its own in each instance",
        sketch([
          { name: "one", points: "A" },
          {
            name: "many",
            count: 2,
            points: "N",
            groups: [{ name: "sub", count: "N", points: "B" }],
          },
          { name: "last", points: "C" },
        ], ""),
        6,
        { "many[0].N": 2, "many[1].N": 0 },
        "ID 0, L 1, one.A 2, many[0].N 3, many[0].sub[0].B 4, many[0].sub[1].B 5, many[1].N 6, " +
        "last.C 7",
        [],
      ],
      [
        "too short",
        sketch([], "A B:uint32 C"),
        2,
        {},
        "ID 0, L 1, A 2, B 3!, C 5!",
        ["length 2, the definition has 4: the points beyond it are left out"],
      ],
      [
        "of length 0",
        sketch([{ name: "g", count: 0, points: "B" }], "A"),
        0,
        {},
        "ID 0, L 1, A 2!",
        ["length 0, the definition has 1: the points beyond it are left out"],
      ],
      [
        "too long",
        sketch([], "A"),
        9,
        {},
        "ID 0, L 1, A 2",
        ["length 9, the definition covers 1: the registers beyond it are left out"],
      ],
      [
        "the common model",
        await published(1),
        66,
        {},
        "ID 0, L 1, Mn 2, Md 18, Opt 34, Vr 42, SN 50, DA 66, Pad 67",
        [],
      ],
      [
        "the common model without its pad",
        await published(1),
        65,
        {},
        "ID 0, L 1, Mn 2, Md 18, Opt 34, Vr 42, SN 50, DA 66, Pad 67!",
        [],
      ],
      [
        "the common model far too short",
        await published(1),
        15,
        {},
        "ID 0, L 1, Mn 2!, Md 18!, Opt 34!, Vr 42!, SN 50!, DA 66!, Pad 67!",
        ["length 15, the definition has 66: the points beyond it are left out"],
      ],
    ] as const
  ) {
    const layout = compileLayout(definition, length, counts(values));
    assert.equal(outline(layout), want, name);
    assert.deepEqual(layout.warnings, warnings, name);
    assert.equal(layout.length, length);
  }
});

Deno.test("model 705 is laid out as the specification draws it", async () => {
  const layout = compileLayout(await published(705), 45, ({ name }) => name === "NPt" ? 3 : 2);
  const offset = (name: string) => layout.leaves.find((leaf) => leaf.name === name)?.offset;
  // 15 registers, then curves of 10 and three points of 2.
  for (
    const [name, want] of [
      ["RspTms_SF", 14],
      ["Crv[0].ActPt", 15],
      ["Crv[0].RspTms", 22],
      ["Crv[0].ReadOnly", 24],
      ["Crv[0].Pt[0].V", 25],
      ["Crv[0].Pt[2].Var", 30],
      ["Crv[1].ActPt", 31],
      ["Crv[1].Pt[0].V", 41],
      ["Crv[1].Pt[1].V", 43],
      ["Crv[1].Pt[1].Var", 44],
    ] as const
  ) {
    assert.equal(offset(name), want, name);
  }
  assert.deepEqual(
    [...layout.counts].map(([{ name }, count]) => `${name} ${count}`).sort(),
    ["NCrv 2", "NPt 3"],
  );
  assert.deepEqual(layout.warnings, []);
});

Deno.test("a scale factor is found in the nearest group around the point", () => {
  const definition = sketch([{
    name: "g",
    count: 2,
    points: "V*V_SF A*A_SF V_SF:sunssf",
    groups: [{ name: "h", points: "V*V_SF A*A_SF" }],
  }], "V_SF:sunssf A_SF:sunssf V*V_SF W*-2");
  const { leaves } = compileLayout(definition, 16, () => undefined);
  const scales = leaves.filter(({ scale }) => scale !== undefined)
    .map(({ name, scale }) => `${name}: ${typeof scale === "object" ? scale.name : scale}`);
  assert.deepEqual(scales, [
    "V: V_SF",
    "W: -2",
    "g[0].V: g[0].V_SF",
    "g[0].A: A_SF",
    "g[0].h.V: g[0].V_SF",
    "g[0].h.A: A_SF",
    "g[1].V: g[1].V_SF",
    "g[1].A: A_SF",
    "g[1].h.V: g[1].V_SF",
    "g[1].h.A: A_SF",
  ]);
});

Deno.test("hostile counts are bounded by the length", async () => {
  const empty = sketch([{ name: "e", count: "N", points: "" }], "N");
  const nothing = compileLayout(empty, 1, () => 65_534);
  assert.equal(nothing.leaves.length, 3);
  assert.deepEqual(nothing.warnings, ["e: 65534 groups are announced, length 1 has room for 0"]);
  for (const definition of await allPublished()) {
    for (const length of [0, 7, 65_535]) {
      for (const count of [65_534, -1]) {
        const { leaves, warnings } = compileLayout(definition, length, () => count);
        assert.ok(leaves.filter(({ isPresent }) => isPresent).length <= length + 2);
        assert.ok(leaves.length < length + 250, `${definition.name} has ${leaves.length} leaves`);
        assert.ok(warnings.length < 10);
      }
    }
  }
});

Deno.test("whatever a device says, points neither overlap nor lie beyond its model", async () => {
  const definitions = await allPublished();
  const any = fc.record({
    definition: fc.constantFrom(...definitions),
    length: fc.oneof(fc.nat(300), fc.nat(65_535)),
    counts: fc.infiniteStream(fc.oneof(fc.nat(5), fc.nat(65_534), fc.constant(undefined))),
  });
  fc.assert(
    fc.property(any, ({ definition, length, counts }) => {
      const layout = compileLayout(definition, length, () => counts.next().value);
      let end = 0;
      for (const { offset, definition, isPresent } of layout.leaves) {
        assert.equal(offset, end);
        end = offset + definition.size;
        assert.equal(isPresent, end <= length + 2);
      }
      assert.ok(layout.counts.size === 0 || hasCountPoints(definition.group));
    }),
    { numRuns: 500 },
  );
});

Deno.test("lengthOf() is the length of a model with so many groups", async () => {
  for (
    const [id, groups, want] of [
      [1, 1, 66],
      [103, 3, 50],
      [160, 0, 8],
      [160, 2, 48],
      [705, 1, 25],
      [705, 3, 13 + 3 * (10 + 3 * 2)],
      [714, 3, 93],
    ] as const
  ) {
    assert.equal(lengthOf(await published(id), groups), want, `model ${id}`);
  }
});
