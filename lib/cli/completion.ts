import { bash, fish, type ShellCompletion, zsh } from "@optique/core/completion";
import type { Suggestion } from "@optique/core/parser";
import { UsageError } from "../core/mod.ts";
import type { Io } from "./io.ts";
import type { Offer, Program } from "./main.ts";
import { say } from "./values.ts";

/** The shells that completions can be had for. */
export const SHELLS: Readonly<Record<string, ShellCompletion>> = { bash, zsh, fish };

/** What may follow a word of the program's own: `help TOPIC`, `completion SHELL`. */
export type BuiltIn = Readonly<Record<string, readonly string[]>>;

/** How the scripts are to be put in place. */
export const COMPLETION_HELP =
  `Prints what a shell needs to complete sunspool's words, models and points among them

Usage: sunspool completion bash|zsh|fish

Examples:
  sunspool completion bash > /etc/bash_completion.d/sunspool
      for all users of bash; needs the package bash-completion
  sunspool completion zsh > "\${fpath[1]}/_sunspool"
      for zsh
  sunspool completion fish > ~/.config/fish/completions/sunspool.fish
      for fish
`;

/**
 * Prints the script of a shell, or, when the script asks, what may stand for the last of `words`.
 *
 * @throws {UsageError} there is no such shell
 */
export async function completion(
  program: Program,
  builtIn: BuiltIn,
  [shell = "", ...words]: readonly string[],
  io: Io,
): Promise<void> {
  if (shell === "--help" || shell === "-h") return io.out(COMPLETION_HELP);
  if (words.length === 0) return io.out(completionScript(shell));
  const suggestions = await suggestionsFor(program, builtIn, words);
  io.out([...targetOf(shell).encodeSuggestions(suggestions)].join(""));
}

/**
 * What a shell is to read once.
 *
 * @throws {UsageError} there is no such shell
 */
export function completionScript(shell: string): string {
  return targetOf(shell).generateScript("sunspool", ["completion", shell]);
}

function targetOf(shell: string): ShellCompletion {
  const target = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (target) return target;
  throw new UsageError(
    `Cannot complete for the shell "${shell}": use one of ${Object.keys(SHELLS).join(", ")}`,
  );
}

async function suggestionsFor(
  { commands }: Program,
  builtIn: BuiltIn,
  words: readonly string[],
): Promise<readonly Offer[]> {
  const [first = "", ...rest] = words;
  const typed = rest.at(-1);
  if (typed === undefined) {
    const names = commands.map(({ name, summary }) => literal(name, summary));
    return startingWith(first, [...names, ...Object.keys(builtIn).map((name) => literal(name))]);
  }
  const follow = builtIn[first];
  if (follow) return startingWith(typed, follow.map((name) => literal(name)));
  const command = await commands.find(({ name }) => name === first)?.load();
  if (!command) return [];
  return startingWith(typed, await command.suggest(rest));
}

/** Which files begin so is for the shell to see. */
function startingWith(prefix: string, offers: readonly Offer[]): Offer[] {
  return offers.filter((offer) => offer.kind !== "literal" || offer.text.startsWith(prefix));
}

function literal(text: string, description?: string): Suggestion & Offer {
  return { kind: "literal", text, ...(description ? { description: say(description) } : {}) };
}
