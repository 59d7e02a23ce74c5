/**
 * Writes the software bill of materials (every npm package of the lock file, with its version, hash
 * and licence, and the runtime) and the licences of what the program is built of.
 *
 *     deno task sbom        dist/sunspool.cdx.json (CycloneDX 1.6), dist/third-party-licences.txt
 */
// deno-lint-ignore-file no-console
import { DIST } from "./build/bundle.ts";
import { lockedPackages } from "./supply/packages.ts";
import { thirdPartyNotices } from "./supply/notices.ts";
import { billOfMaterials } from "./supply/sbom.ts";

const packages = await lockedPackages();
await Deno.mkdir(DIST, { recursive: true });
const bill = billOfMaterials(packages, Deno.version.deno);
const files = {
  "sunspool.cdx.json": `${JSON.stringify(bill, null, 2)}\n`,
  "third-party-licences.txt": await thirdPartyNotices(packages),
};
for (const [name, text] of Object.entries(files)) {
  await Deno.writeTextFile(`${DIST}/${name}`, text);
  console.log(`${DIST}/${name}: ${packages.length} packages in the lock file`);
}
