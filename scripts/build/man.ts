import type { Command, Manual } from "../../lib/cli/mod.ts";
import { EXIT_CODES } from "../../lib/cli/mod.ts";
import { VERSION } from "../../lib/version.ts";

/** The manual page `sunspool-NAME.1` of a command, in the language of man(7). */
export async function commandPage(command: Command): Promise<string> {
  const { name, summary, description, examples } = command;
  const manual = await command.manual();
  return page(`sunspool-${name}`, summary, [
    ["SYNOPSIS", [`.B ${roff(manual.usage)}`]],
    ["DESCRIPTION", [roff(description)]],
    ...optionSections(manual),
    ["EXAMPLES", examples.flatMap(([line, meaning]) => tagged(line, meaning))],
    ["EXIT STATUS", exitCodes()],
    ["SEE ALSO", [".BR sunspool (1)"]],
  ]);
}

/** The manual page `sunspool.1`. */
export function overviewPage(commands: readonly { name: string; summary: string }[]): string {
  return page("sunspool", "find, read and collect solar and energy devices", [
    ["SYNOPSIS", [".B sunspool", ".I COMMAND", "[OPTION\\&...]"]],
    ["DESCRIPTION", [
      roff(
        "Finds SunSpec devices on the network, reads them, keeps every reading through outages, " +
          "and delivers each one exactly once to Kafka or to files.",
      ),
    ]],
    [
      "COMMANDS",
      commands.flatMap(({ name, summary }) => [".TP", `.BR sunspool-${roff(name)} (1)`, summary]),
    ],
    ["EXIT STATUS", exitCodes()],
    ["FILES", [
      ...tagged("/etc/sunspool/config.toml", "The configuration, where none is named"),
      ...tagged("/var/lib/sunspool/", "The buffer of the service"),
    ]],
  ]);
}

type Section = readonly [title: string, lines: readonly string[]];

function page(name: string, summary: string, sections: readonly Section[]): string {
  const head = [
    `.TH ${name.toUpperCase()} 1 "" "sunspool ${VERSION}"`,
    ".SH NAME",
    `${roff(name)} \\- ${roff(summary)}`,
  ];
  const body = sections.flatMap(([title, lines]) => [`.SH ${title}`, ...lines]);
  return `${[...head, ...body].join("\n")}\n`;
}

function optionSections({ sections }: Manual): Section[] {
  return sections.map(({ title, entries }) => [
    title === "" ? "OPTIONS" : `${title.toUpperCase()} OPTIONS`,
    entries.flatMap(({ term, text }) => tagged(term, text)),
  ]);
}

function exitCodes(): string[] {
  return EXIT_CODES.flatMap(([code, meaning]) => tagged(String(code), meaning));
}

function tagged(term: string, text: string): string[] {
  return [".TP", `.B ${roff(term)}`, roff(text)];
}

/** Text that roff shows as it is: man(7), "Escape sequences"; a line must not begin with a dot. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/, "\\&$1");
}
