import { runParser } from "@optique/core/facade";
import type { Message } from "@optique/core/message";
import { getDocPageSync, type InferValue, type Parser, suggestSync } from "@optique/core/parser";
import { UsageError } from "../core/mod.ts";
import type { Io } from "./io.ts";
import type { Command, Example } from "./main.ts";
import { manualOf } from "./manual.ts";
import type { Needs } from "./permissions.ts";
import { say } from "./values.ts";

/** A subcommand: options → compose the library → print. */
export interface CommandDefinition<P extends Parser<"sync", unknown, unknown>> {
  /** The word that calls it. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** What a user should know before using it. */
  readonly description: string;
  /** Shown at the end of its help. */
  readonly examples: readonly Example[];
  /** The permissions it needs. */
  readonly needs: Needs;
  /** Whether it opens devices: a serial port among them takes all permissions. */
  readonly opensDevices?: boolean;
  /** The options and arguments. */
  readonly parser: P;
  /** Words that a shell may offer for an argument whose beginning is typed. */
  wordsFor?(typed: string): Promise<readonly string[]>;
  /** Does it; gives the exit code, 0 when left out. */
  run(options: InferValue<P>, io: Io): Promise<number | void>;
}

/** Turns a definition into a command. */
export function defineCommand<P extends Parser<"sync", unknown, unknown>>(
  definition: CommandDefinition<P>,
): Command {
  const { name, summary, examples, needs, opensDevices = false } = definition;
  return {
    name,
    summary,
    examples,
    needs,
    opensDevices,
    description: definition.description,
    manual: () => manualOf(name, getDocPageSync(definition.parser)),
    suggest: ([first = "", ...more]) =>
      suggestSync(definition.parser, [first, ...more])
        .flatMap((suggestion) => suggestion.kind === "literal" ? [suggestion.text] : []),
    wordsFor: async (typed) => await definition.wordsFor?.(typed) ?? [],
    async run(args, io) {
      const options = parseWords(definition, args, io);
      if (options === HELP_SHOWN) return 0;
      return await definition.run(options.value, io) ?? 0;
    },
  };
}

const HELP_SHOWN = Symbol("help shown");

/** The option values, or the fact that help was asked for and shown. */
function parseWords<P extends Parser<"sync", unknown, unknown>>(
  { name, summary, description, examples, parser }: CommandDefinition<P>,
  args: readonly string[],
  io: Io,
): { readonly value: InferValue<P> } | typeof HELP_SHOWN {
  let helpShown = false;
  const value = runParser(parser, `sunspool ${name}`, args, {
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
  return helpShown ? HELP_SHOWN : { value };
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
