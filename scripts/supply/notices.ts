import type { LockedPackage } from "./packages.ts";

/** Names under which packages carry their licence. */
const LICENCE_FILE = /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i;

/**
 * The licences of the packages that the program is built of, as they ask to be passed on.
 *
 * @throws {Error} when a package carries none and names no author
 */
export async function thirdPartyNotices(packages: readonly LockedPackage[]): Promise<string> {
  const used = packages.filter(({ use }) => use === "program");
  const texts = await Promise.all(used.map(notice));
  return `sunspool is built of these packages, and runs on Deno (MIT, the Deno authors).\n\n${
    texts.join("\n")
  }`;
}

async function notice({ name, version, licence, folder }: LockedPackage): Promise<string> {
  const title = `${name} ${version} (${licence})`;
  const files = [...Deno.readDirSync(folder)].filter((entry) => LICENCE_FILE.test(entry.name));
  const texts = await Promise.all(
    files.map(({ name }) => name).sort().map((file) => Deno.readTextFile(`${folder}/${file}`)),
  );
  const text = texts.length > 0 ? texts.join("\n") : await author(folder);
  return `${title}\n${"=".repeat(title.length)}\n\n${text.replaceAll("\r", "").trim()}\n`;
}

async function author(folder: string): Promise<string> {
  const { author, license } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  const who = typeof author === "string" ? author : author?.name;
  if (!who || !license) throw new Error(`"${folder}" names neither a licence nor an author`);
  return `Copyright ${who}; licence: ${license}`;
}
