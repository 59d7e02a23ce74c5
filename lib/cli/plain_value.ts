import type { Given, Leaf, Words } from "./words.ts";

/**
 * The value of words that are written as nearly always: `--name TEXT`, `--name=TEXT`, `-n TEXT`,
 * `--flag` and arguments.
 *
 * @returns undefined = the options library has to look: something is wrong, unusual, or a question
 */
export function plainValue<T>(
  words: Words<T>,
  args: readonly string[],
): { readonly value: T } | undefined {
  const given = givenIn(words.leaves, args);
  try {
    return given && { value: words.valueOf(given) };
  } catch {
    // The library meets the same, and says it.
    return undefined;
  }
}

function givenIn(leaves: readonly Leaf[], args: readonly string[]): Given | undefined {
  const given = new Map<Leaf, string[]>();
  const words = args.values();
  for (const word of words) {
    const [, name = word, attached] = /^(--[^=]+)=(.+)$/s.exec(word) ?? [];
    const isArgument = !word.startsWith("-");
    const leaf = leaves.find((leaf) =>
      (isArgument ? leaf.names.length === 0 : leaf.names.includes(name)) &&
      (leaf.isRepeatable || !given.has(leaf))
    );
    if (!leaf || (leaf.isFlag && attached !== undefined)) return undefined;
    const text = leaf.isFlag || isArgument ? word : attached ?? nextText(words);
    if (!text) return undefined;
    given.set(leaf, [...given.get(leaf) ?? [], text]);
  }
  return given;
}

/** The text behind a name; what looks like another name is left to the library. */
function nextText(words: Iterator<string>): string | undefined {
  const { value } = words.next();
  return value?.startsWith("-") ? undefined : value;
}
