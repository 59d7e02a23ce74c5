import { runParser } from "@optique/core/facade";
import type { Message } from "@optique/core/message";
import { getDocPageSync, suggestSync } from "@optique/core/parser";
import { UsageError } from "../core/mod.ts";
import type { CommandDefinition } from "./define.ts";
import type { Io } from "./io.ts";
import * as library from "./library.ts";
import type { Example, Offer } from "./main.ts";
import { type Manual, manualOf } from "./manual.ts";
import { say } from "./values.ts";
import type { Leaf } from "./words.ts";

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
export async function suggestionsFor<T>(
  { parser, wordsFor }: CommandDefinition<T>,
  words: readonly string[],
): Promise<readonly Offer[]> {
  const [first = "", ...more] = words;
  const offered = suggestSync(parser.build(library), [first, ...more]);
  const typed = words.at(-1) ?? "";
  const isLast = isLastArgument(parser.leaves, words);
  const own = isLast ? await wordsFor?.(typed) ?? [] : [];
  return [...offered, ...own.map((text) => ({ kind: "literal", text }) as const)];
}

/** Whether the last word is the last argument or one more of it: no option, nor the text of one. */
function isLastArgument(leaves: readonly Leaf[], words: readonly string[]): boolean {
  let count = 0;
  let isText = false;
  for (const word of words.slice(0, -1)) {
    if (isText) isText = false;
    else if (!word.startsWith("-")) count++;
    else isText = leaves.some(({ names, isFlag }) => !isFlag && names.includes(word));
  }
  return !isText && count >= leaves.filter(({ names }) => names.length === 0).length - 1;
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
