import assert from "node:assert/strict";
import { Chance } from "../modbus/chance.ts";
import { serviceTest } from "../services.ts";
import { published } from "../sunspec/published.ts";
import { compare } from "./compare.ts";
import { anyImage } from "./images.ts";
import { decodeByUs } from "./ours.ts";
import { Reference } from "./reference.ts";
import { report, runConformance } from "./run.ts";

const ROUNDS = 10;

serviceTest(
  "every published model decodes as pysunspec2 has it, raw and scaled, leaf by leaf",
  ["python"],
  async ({ python }) => {
    const { seed } = new Chance();
    const result = await runConformance({ python, seed, rounds: ROUNDS });
    const lines = report(result);
    assert.equal(lines.at(-1), "models 112 ok 112", [`seed ${seed}`, ...lines].join("\n"));
    assert.equal(result.images, 112 * ROUNDS);
    assert.ok(result.met.every((count) => count > 0), "a case of the table was never met");
  },
);

serviceTest("the comparison sees every register of a model", ["python"], async ({ python }) => {
  await using reference = new Reference(python);
  const chance = new Chance();
  const image = anyImage(await published(160), chance);
  const [answer] = await reference.decode([image.bytes]);
  assert.ok(answer);
  for (const leaf of image.layout.leaves.slice(2)) {
    if (leaf.definition.type.kind === "pad" || leaf.name === "N") continue;
    const bytes = image.bytes.slice();
    const at = leaf.offset * 2 + leaf.definition.size * 2 - 1;
    // A value that neither it nor its neighbours have, and no mark.
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const { mismatches } = compare(image, answer, await decodeByUs(bytes));
    const seen = mismatches.some(({ point }) => point === leaf.name);
    assert.ok(seen || leaf.definition.typeName === "string", `${leaf.name}, seed ${chance.seed}`);
  }
});
