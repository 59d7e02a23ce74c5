/**
 * Writes the tables of the documents from the code they describe.
 *
 *     deno run -A scripts/docs.ts            write them
 *     deno run -A scripts/docs.ts --check    say whether they are current; exit 1 when not
 *
 * A table stands between `<!-- NAME -->` and `<!-- /NAME -->`.
 */
// deno-lint-ignore-file no-console
import { commands } from "../commands/mod.ts";
import {
  type Command,
  EXIT_CODES,
  type Needs,
  type Permission,
  PERMISSIONS,
} from "../lib/cli/mod.ts";
import { allSettings } from "../lib/config/mod.ts";
import { Metrics } from "../lib/metrics.ts";
import { lockedPackages } from "./supply/packages.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const FILES = [
  "README.md",
  "docs/configuration.md",
  "docs/licences.md",
  "docs/cli.md",
  "docs/operations.md",
  "docs/security.md",
];

/** What packages are used for, in words. */
const USES = { program: "the program", optional: "nothing", development: "tests" } as const;

/** Each table by its name. */
const TABLES: Readonly<Record<string, () => string | Promise<string>>> = {
  commands: () =>
    table(["command", "does"], commands.map(({ name, summary }) => [`\`${name}\``, summary])),
  cli: async () => {
    const pages = await Promise.all(commands.map(async ({ load }) => await chapter(await load())));
    return pages.join("\n\n");
  },
  "exit-codes": () =>
    table(["code", "meaning"], EXIT_CODES.map(([code, meaning]) => [String(code), meaning])),
  permissions: async () => {
    const rows = await Promise.all(commands.map(async ({ load }) => {
      const { name, needs } = await load();
      const of = (when: Needs[Permission]) =>
        PERMISSIONS.filter((permission) => needs[permission] === when).join(", ") || "nothing";
      return [`\`${name}\``, of("always"), of("start"), of(undefined)];
    }));
    return table(["command", "keeps", "only at its start", "never has"], rows);
  },
  settings: () =>
    table(
      ["key", "environment", "default", "meaning"],
      allSettings.map(({ key, env, shownFallback, summary }) => [
        `\`${key}\``,
        `\`${env}\``,
        shownFallback,
        summary,
      ]),
    ),
  licences: async () =>
    table(
      ["package", "version", "licence", "used by"],
      (await lockedPackages()).map(({ name, version, licence, use }) => [
        name,
        version,
        licence,
        USES[use],
      ]),
    ),
  metrics: async () => {
    const { text } = await new Metrics({ version: "", deno: "" }).render("");
    const lines = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)/gm)];
    return table(
      ["metric", "type", "meaning"],
      lines.map(([, name = "", help = "", type = ""]) => [`\`${name}\``, type, help]),
    );
  },
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** What a command takes and does. */
async function chapter(command: Command): Promise<string> {
  const { name, description, examples } = command;
  const { usage, sections } = await command.manual();
  return [
    `## ${name}`,
    description,
    ["```text", usage, "```"].join("\n"),
    ...sections.map(({ title, entries }) =>
      table(
        [title || "option", "meaning"],
        entries.map(({ term, text }) => [
          `\`${term}\``,
          text.replaceAll("*", "\\*"),
        ]),
      )
    ),
    ["```sh", ...examples.map(([line, meaning]) => `${line}   # ${meaning}`), "```"].join("\n"),
  ].join("\n\n");
}

/** The text with each of its tables made anew. */
async function renew(text: string): Promise<string> {
  let renewed = text;
  for (const [name, make] of Object.entries(TABLES)) {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
    const made = await make();
    renewed = renewed.replace(place, (_all, open, close) => `${open}\n${made}\n\n${close}`);
  }
  return await formatted(renewed);
}

/** The text as `deno fmt` leaves it. */
async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(text));
  await input.close();
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout);
}

const isCheck = Deno.args.includes("--check");
let stale = 0;
for (const file of FILES) {
  const text = await Deno.readTextFile(ROOT + file);
  const renewed = await renew(text);
  if (renewed === text) continue;
  stale++;
  if (isCheck) console.error(`${file}: its tables are stale, do: deno task fix`);
  else await Deno.writeTextFile(ROOT + file, renewed);
}
console.log(`docs: ${FILES.length} files, ${stale} ${isCheck ? "stale" : "renewed"}`);
Deno.exitCode = isCheck && stale > 0 ? 1 : 0;
