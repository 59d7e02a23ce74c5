import type { Io } from "./io.ts";
import { loadWithLibrary } from "./late_segmenter.ts";
import type { Command, Example } from "./main.ts";
import type { Needs } from "./permissions.ts";
import { plainValue } from "./plain_value.ts";
import type { Words } from "./words.ts";

/** A subcommand: options → compose the library → print. */
export interface CommandDefinition<T> {
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
  readonly parser: Words<T>;
  /** Words that a shell may offer for the last argument, whose beginning is typed. */
  wordsFor?(typed: string): Promise<readonly string[]>;
  /** Does it; gives the exit code, 0 when left out. */
  run(options: T, io: Io): Promise<number | void>;
}

/** Turns a definition into a command. */
export function defineCommand<T>(definition: CommandDefinition<T>): Command {
  const { name, summary, description, examples, needs, opensDevices = false } = definition;
  return {
    name,
    summary,
    examples,
    needs,
    opensDevices,
    description,
    manual: async () => (await parsing()).manualFor(definition),
    suggest: async (words) => (await parsing()).suggestionsFor(definition, words),
    async run(args, io) {
      const options = plainValue(definition.parser, args) ??
        (await parsing()).parseWords(definition, args, io);
      return options ? await definition.run(options.value, io) ?? 0 : 0;
    },
  };
}

/** Only who asks for help, completes words or mistypes one needs the options library. */
function parsing() {
  return loadWithLibrary(() => import("./parse_words.ts"));
}
