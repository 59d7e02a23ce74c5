/**
 * Makes everything that a release hands out, from a clean checkout: executables and packages for each
 * machine, the bill of materials, the licences, and their checksums. The same commit gives the same
 * bytes.
 *
 *     deno task release
 */
// deno-lint-ignore-file no-console
import { VERSION } from "../lib/version.ts";
import { deno, DIST, ROOT } from "./build/bundle.ts";
import { sha256 } from "./build/extractor.ts";
import { run } from "./services/run.ts";

/** What is made on the way and handed to nobody. */
const LEFT_OUT: readonly string[] = ["program", "SHA256SUMS"];

async function requireClean(): Promise<void> {
  const { code, stdout } = await run("git", ["-C", ROOT, "status", "--porcelain"]);
  if (code === 0 && stdout.trim() === "") return;
  throw new Error("Cannot release: the checkout has changes that are not committed");
}

async function requireChangelog(): Promise<void> {
  const changelog = await Deno.readTextFile(`${ROOT}docs/changelog.md`);
  if (changelog.includes(`\n## ${VERSION}`)) return;
  throw new Error(`Cannot release: docs/changelog.md has no chapter "${VERSION}"`);
}

async function requireMade(task: string): Promise<void> {
  if (!await deno(["task", "--quiet", task])) throw new Error(`Cannot release: ${task} failed`);
}

/** One line a file, as `sha256sum --check` reads them. */
async function sums(): Promise<string> {
  const names = [...Deno.readDirSync(DIST)].map(({ name }) => name)
    .filter((name) => !LEFT_OUT.includes(name)).sort();
  const lines = await Promise.all(names.map(async (name) => {
    const bytes = await Deno.readFile(`${DIST}/${name}`);
    return `${await sha256(new Blob([bytes]))}  ${name}\n`;
  }));
  return lines.join("");
}

try {
  await requireClean();
  await requireChangelog();
  await Deno.remove(DIST, { recursive: true }).catch(() => {});
  await requireMade("package");
  await requireMade("sbom");
  const text = await sums();
  await Deno.writeTextFile(`${DIST}/SHA256SUMS`, text);
  console.log(text.trimEnd());
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  Deno.exitCode = 1;
}
