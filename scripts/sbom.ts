/**
 * Writes the software bill of materials: every npm package of the lock file, with its version, hash
 * and licence, and the runtime.
 *
 *     deno task sbom        dist/sunspool.cdx.json (CycloneDX 1.6)
 */
// deno-lint-ignore-file no-console
import { DIST } from "./build/bundle.ts";
import { lockedPackages } from "./supply/packages.ts";
import { billOfMaterials } from "./supply/sbom.ts";

const packages = await lockedPackages();
const path = `${DIST}/sunspool.cdx.json`;
await Deno.mkdir(DIST, { recursive: true });
const bill = billOfMaterials(packages, Deno.version.deno);
await Deno.writeTextFile(path, `${JSON.stringify(bill, null, 2)}\n`);
console.log(`${path}: ${packages.length} packages`);
