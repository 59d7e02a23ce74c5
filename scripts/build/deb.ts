import { gunzipSync, gzipSync } from "node:zlib";
import { commands } from "../../commands/mod.ts";
import { completionScript, SHELLS } from "../../lib/cli/completion.ts";
import { serviceFiles } from "../../lib/service_units.ts";
import { VERSION } from "../../lib/version.ts";
import { runOrThrow } from "../services/run.ts";
import { thirdPartyNotices } from "../supply/notices.ts";
import { lockedPackages } from "../supply/packages.ts";
import { billOfMaterials } from "../supply/sbom.ts";
import { ROOT } from "./bundle.ts";
import type { Contents } from "./extractor.ts";
import { fill } from "./fill.ts";
import { LAUNCH_WORDS } from "./launch.ts";
import { commandPage, overviewPage } from "./man.ts";
import { type Machine, MACHINES } from "./runtime.ts";

/** A file of the package. */
interface PackedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
}

/** Where each shell looks for completions that come with a package. */
const COMPLETIONS: Readonly<Record<string, string>> = {
  bash: "/usr/share/bash-completion/completions/sunspool",
  zsh: "/usr/share/zsh/vendor-completions/_sunspool",
  fish: "/usr/share/fish/vendor_completions.d/sunspool.fish",
};

/** Where a package puts what an administrator would put below /etc. */
const PLACES: readonly (readonly [string, string])[] = [
  ["/etc/systemd/system/", "/lib/systemd/system/"],
  ["/etc/sysusers.d/", "/usr/lib/sysusers.d/"],
  ["/etc/tmpfiles.d/", "/usr/lib/tmpfiles.d/"],
];

/**
 * Makes a package for Debian and its relatives at `output`. The same contents and time give the
 * same bytes.
 *
 * @param time what its files are stamped with, Unix seconds
 */
export async function makeDeb(
  machine: Machine,
  contents: Contents,
  { output, time }: { readonly output: string; readonly time: number },
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sunspool-deb-" });
  try {
    await Deno.chmod(folder, 0o755);
    const files = await packedFiles(contents);
    for (const file of files) await write(folder, file);
    const size = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const values = {
      VERSION,
      DEBIAN: MACHINES[machine].debian,
      SIZE: String(Math.ceil(size / 1024)),
    };
    for (const name of ["control", "conffiles", "postinst", "prerm", "postrm"]) {
      const bytes = encode(fill(await template(name), values));
      const mode = name.startsWith("p") ? 0o755 : 0o644;
      await write(folder, { path: `/DEBIAN/${name}`, bytes, mode });
    }
    await runOrThrow("env", [
      ...[`SOURCE_DATE_EPOCH=${time}`, "dpkg-deb", "--root-owner-group", "-Zgzip", "-z9"],
      ...["--build", folder, output],
    ], { timeoutMs: 300_000 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function packedFiles({ zippedRuntime, program }: Contents): Promise<readonly PackedFile[]> {
  const packages = await lockedPackages();
  const bill = billOfMaterials(packages, Deno.version.deno);
  const text = (path: string, content: string, mode = 0o644): PackedFile => ({
    path,
    bytes: encode(content),
    mode,
  });
  return [
    { path: "/usr/lib/sunspool/sunspool", bytes: gunzipSync(zippedRuntime), mode: 0o755 },
    ...await programFiles(program),
    text("/usr/bin/sunspool", await launcher(), 0o755),
    text("/etc/sunspool/config.toml", await template("config.toml"), 0o640),
    text("/etc/sunspool/environment", await template("environment"), 0o640),
    text("/usr/share/doc/sunspool/copyright", await copyright()),
    text("/usr/share/doc/sunspool/configuration.md", await document("configuration.md")),
    text("/usr/share/doc/sunspool/third-party-licences.txt", await thirdPartyNotices(packages)),
    text("/usr/share/doc/sunspool/sunspool.cdx.json", `${JSON.stringify(bill, null, 2)}\n`),
    ...serviceFiles("/usr/bin/sunspool").map(({ name, path, text: content }) =>
      text(
        name === "serial.conf" ? `/usr/share/doc/sunspool/examples/${name}` : placed(path),
        content,
      )
    ),
    ...Object.keys(SHELLS).map((shell) => text(COMPLETIONS[shell] ?? "", completionScript(shell))),
    ...await manualPages(),
  ];
}

async function programFiles(folder: string): Promise<PackedFile[]> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return await Promise.all(names.map(async (name) => ({
    path: `/usr/lib/sunspool/program/${name}`,
    bytes: await Deno.readFile(`${folder}/${name}`),
    mode: 0o644,
  })));
}

/** The licence stands indented in it, with a dot for an empty line. */
async function copyright(): Promise<string> {
  const licence = await Deno.readTextFile(`${ROOT}LICENSE`);
  const lines = licence.trim().split("\n").map((line) => ` ${line.trim() || "."}`);
  return fill(await template("copyright"), { LICENSE: lines.join("\n") });
}

async function document(name: string): Promise<string> {
  return await Deno.readTextFile(`${ROOT}docs/${name}`);
}

async function launcher(): Promise<string> {
  return fill(await template("launcher"), { LAUNCH_WORDS: LAUNCH_WORDS.join(" ") });
}

async function manualPages(): Promise<PackedFile[]> {
  const pages = [
    ["sunspool", overviewPage(commands)] as const,
    ...await Promise.all(
      commands.map(async ({ name, load }) =>
        [`sunspool-${name}`, await commandPage(await load())] as const
      ),
    ),
  ];
  return pages.map(([name, page]) => ({
    path: `/usr/share/man/man1/${name}.1.gz`,
    bytes: gzipSync(encode(page), { level: 9 }),
    mode: 0o644,
  }));
}

function placed(path: string): string {
  const [from, to] = PLACES.find(([from]) => path.startsWith(from)) ?? ["", ""];
  return to + path.slice(from.length);
}

async function template(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(`./deb/${name}`, import.meta.url));
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function write(folder: string, { path, bytes, mode }: PackedFile): Promise<void> {
  const target = folder + path;
  await Deno.mkdir(target.replace(/\/[^/]*$/, ""), { recursive: true, mode: 0o755 });
  await Deno.writeFile(target, bytes);
  // The umask has no say in what is in the package.
  await Deno.chmod(target, mode);
}
