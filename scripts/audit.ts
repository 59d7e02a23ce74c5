/**
 * Asks the registry for advisories on the packages of the lock file, and looks at their licences.
 *
 *     deno task audit
 *
 * Exit code 1 when there is an advisory or a licence that is not expected, and when the registry does
 * not answer: then nothing was checked.
 */
// deno-lint-ignore-file no-console
import { unexpectedLicences } from "./supply/licences.ts";
import { lockedPackages } from "./supply/packages.ts";

const unexpected = unexpectedLicences(await lockedPackages());
for (const { name, version, licence } of unexpected) {
  console.error(`audit: ${name}@${version} has the licence ${licence}`);
}
const child = new Deno.Command(Deno.execPath(), { args: ["audit"], env: { NO_COLOR: "1" } });
const { code, stdout, stderr } = await child.output();
const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
if (out) console.log(out);
if (err) console.error(err);
if (err?.startsWith("error:")) {
  console.error("audit: the registry gave no advisories; nothing was checked");
}
Deno.exitCode = code === 0 && unexpected.length === 0 ? 0 : 1;
