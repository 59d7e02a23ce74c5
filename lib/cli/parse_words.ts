import { runParser } from "@optique/core/facade";
import type { Message } from "@optique/core/message";
import { getDocPageSync, suggestSync } from "@optique/core/parser";
import { UsageError } from "../core/mod.ts";
import type { CommandDefinition } from "./define.ts";
import type { Io } from "./io.ts";
import * as library from "./library.ts";
import type { Example } from "./main.ts";
import { type Manual, manualOf } from "./manual.ts";
import { say } from "./values.ts";

/**
 * The option values, by the options library.
 *
 * @returns undefined = help was asked for and shown
 * @throws {UsageError} when the words are wrong
 */
export function parseWords<T>(
  { name, summary, description, examples, parser }: CommandDefinition<T>,
  args: readonly string[],
  io: Io,
): { readonly value: T } | undefined {
  let helpShown = false;
  const value = runParser(parser.build(library), `sunspool ${name}`, args, {
    brief: say(summary),
    description: say(description),
    help: {
      option: { names: ["--help", "-h"] },
      onShow: () => {
        helpShown = true;
      },
    },
    showDefault: true,
    showChoices: true,
    aboveError: "none",
    colors: io.isTerminal,
    maxWidth: Math.max(io.columns, 60),
    stdout: (text) => io.out(`${text}\n\n${exampleText(examples)}`),
    stderr: () => {},
    onError: (_code, error): never => {
      throw new UsageError(usageText(name, error));
    },
  });
  return helpShown ? undefined : { value };
}

/** The options and arguments of a command, for manual pages. */
export function manualFor<T>({ name, parser }: CommandDefinition<T>): Manual {
  return manualOf(name, getDocPageSync(parser.build(library)));
}

/** What a shell may offer for the last of the words after a command's name. */
export function suggestionsFor<T>(
  { parser }: CommandDefinition<T>,
  [first = "", ...more]: readonly string[],
): readonly string[] {
  return suggestSync(parser.build(library), [first, ...more])
    .flatMap((suggestion) => suggestion.kind === "literal" ? [suggestion.text] : []);
}

function exampleText(examples: readonly Example[]): string {
  const lines = examples.map(([line, meaning]) => `  ${line}\n      ${meaning}\n`);
  return `Examples:\n${lines.join("")}`;
}

function usageText(name: string, error: Message): string {
  return `${plain(error)}\ntry: sunspool ${name} --help`;
}

/** A message without quotes of code or colours. */
function plain(parts: Message): string {
  return parts.map((part) => {
    switch (part.type) {
      case "text":
        return part.text;
      case "optionName":
        return part.optionName;
      case "optionNames":
        return part.optionNames.join("/");
      case "metavar":
        return part.metavar;
      case "value":
        return JSON.stringify(part.value);
      case "values":
        return part.values.map((value) => JSON.stringify(value)).join(" ");
      case "lineBreak":
        return "\n";
      default:
        return "";
    }
  }).join("").replaceAll(/\s*\n\s*\n\s*/g, " ").replaceAll(/\s*\n\s*/g, " ");
}
