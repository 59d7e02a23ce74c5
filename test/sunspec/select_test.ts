import assert from "node:assert/strict";
import { NotFoundError, UsageError } from "../../lib/core/mod.ts";
import {
  compileLayout,
  EVERYTHING,
  lengthOf,
  parseSelection,
  type Selectable,
} from "../../lib/sunspec/mod.ts";
import { published } from "./published.ts";

/** What a device with an inverter, two MPPTs, curves and something unknown offers. */
async function models(): Promise<Selectable[]> {
  const known = await Promise.all([1, 103, 160, 160, 705].map(published));
  return [
    ...known.map((definition) => ({ id: definition.id, definition })),
    { id: 64_999, definition: undefined },
  ];
}

/** The points a selection wants: `id.name`, or `id` for a model whose points are all wanted. */
async function selected(terms: readonly string[]): Promise<string[]> {
  const all = await models();
  const selection = parseSelection(terms, all);
  return all.filter((model) => selection.isModelWanted(model)).flatMap((model) => {
    const { id, definition } = model;
    if (!definition) return [`${id}`];
    const { leaves } = compileLayout(definition, lengthOf(definition, 2), () => 2);
    const wanted = leaves.filter((leaf) => selection.isPointWanted(model, leaf));
    if (wanted.length === leaves.length) return [`${id}`];
    return wanted.map(({ name }) => `${id}.${name}`);
  });
}

Deno.test("parseSelection() understands models and points, by id, name and place", async () => {
  for (
    const [terms, want] of [
      [[], ["1", "103", "160", "160", "705", "64999"]],
      [["103"], ["103"]],
      [["inverter_three_phase"], ["103"]],
      [["160"], ["160", "160"]],
      [["64999"], ["64999"]],
      [["103.W"], ["103.W"]],
      [["inverter_three_phase.W", "103.Hz"], ["103.W", "103.Hz"]],
      [["103", "103.W"], ["103"]],
      [["common", "103.St"], ["1", "103.St"]],
      [["705.Ena"], ["705.Ena"]],
      [["705.Crv[1].Pri"], ["705.Crv[1].Pri"]],
      [["705.Crv.Pri"], ["705.Crv[0].Pri", "705.Crv[1].Pri"]],
      [["705.Pri"], ["705.Crv[0].Pri", "705.Crv[1].Pri"]],
      [["705.Crv[0].Pt[1].V"], ["705.Crv[0].Pt[1].V"]],
      [["705.Crv[0].Pt.V"], ["705.Crv[0].Pt[0].V", "705.Crv[0].Pt[1].V"]],
      [["705.Crv.Pt[1].V"], ["705.Crv[0].Pt[1].V", "705.Crv[1].Pt[1].V"]],
      [["705.Pt[0].V"], ["705.Crv[0].Pt[0].V", "705.Crv[1].Pt[0].V"]],
      [
        ["705.Pt.V"],
        ["705.Crv[0].Pt[0].V", "705.Crv[0].Pt[1].V", "705.Crv[1].Pt[0].V", "705.Crv[1].Pt[1].V"],
      ],
    ] as const
  ) {
    assert.deepEqual(await selected(terms), want, terms.join(" "));
  }
});

Deno.test("a model that the device has not is not found, a point that no model has is wrong usage", async () => {
  for (
    const [term, type, message] of [
      [
        "104",
        NotFoundError,
        'Cannot read "104": the device has the models 1, 103, 160, 705, 64999',
      ],
      ["inverter", NotFoundError, "the device has the models"],
      ["", NotFoundError, "the device has the models"],
      [".W", NotFoundError, "the device has the models"],
      ["104.W", NotFoundError, "the device has the models"],
      ["103.Watts", UsageError, 'Cannot read "103.Watts": model 103 has no point "Watts"'],
      ["103.", UsageError, "has no point"],
      ["103.w", UsageError, "has no point"],
      ["103.W.W", UsageError, "has no point"],
      ["705.Pt", UsageError, "has no point"],
      ["705.rv.Pri", UsageError, "has no point"],
      ["64999.W", UsageError, "has no point"],
    ] as const
  ) {
    const all = await models();
    assert.throws(
      () => parseSelection(["103", term], all),
      (error) => error instanceof type && error.message.includes(message),
      term,
    );
  }
  assert.throws(() => parseSelection(["1"], []), /the device has the models \(none\)/);
});

Deno.test("no terms select everything", async () => {
  const selection = parseSelection([], await models());
  assert.equal(selection, EVERYTHING);
});
