/**
 * Holds our decoding of every published SunSpec model against the reference implementation's.
 *
 *     deno task conformance [--seed N] [--rounds N] [--smdx DIR]
 *
 * The same seed gives the same images. Exit code 1 when we and the reference differ, or when a file
 * `smdx_*.xml` in DIR, a folder of published definitions in the XML form, cannot be used; where the
 * two publications differ is listed.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { messageOf } from "../../lib/core/mod.ts";
import { findTools } from "../../scripts/services.ts";
import { publishedModels } from "../../models/sunspec/mod.ts";
import { published } from "../sunspec/published.ts";
import { wholeNumber } from "../whole_number.ts";
import { publicationDifferences } from "./publications.ts";
import { report, runConformance } from "./run.ts";

/** Lists where the publications in a folder differ from the built-in ones; false = one is unusable. */
async function comparePublications(folder: string): Promise<boolean> {
  let [files, differing, unusable] = [0, 0, 0];
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  for (const name of names) {
    const id = Number(/^smdx_(\d+)\.xml$/.exec(name)?.[1]);
    if (!publishedModels.has(id)) continue;
    files++;
    try {
      const xml = await Deno.readTextFile(`${folder}/${name}`);
      const differences = publicationDifferences(xml, name, await published(id));
      for (const line of differences) console.log(line);
      if (differences.length > 0) differing++;
    } catch (error) {
      console.log(messageOf(error));
      unusable++;
    }
  }
  console.log(
    `XML definitions ${files}, like the JSON form ${files - differing - unusable}, ` +
      `different ${differing}, unusable ${unusable}`,
  );
  return unusable === 0;
}

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    rounds: { type: "string", default: "200" },
    smdx: { type: "string" },
  },
});
const { python } = await findTools();
if (!("path" in python)) throw new Error(`Cannot run: ${python.missing}, try ${python.enable}`);
const seed = wholeNumber("--seed", values.seed);
const rounds = wholeNumber("--rounds", values.rounds, 1);
console.log(`seed ${seed}, rounds ${rounds}`);
const usable = values.smdx === undefined || await comparePublications(values.smdx);
const result = await runConformance({ python: python.path, seed, rounds });
for (const line of report(result)) console.log(line);
Deno.exitCode = usable && result.failures.size === 0 ? 0 : 1;
