import type { Message } from "@optique/core/message";
import type { Parser } from "@optique/core/parser";
import type { OptionName } from "@optique/core/usage";
import type { ValueParser } from "@optique/core/valueparser";
import type * as Library from "./library.ts";

/**
 * What a command takes, and the value that comes of it. It is read in two ways: plainly, by
 * {@linkcode plainValue}, and by the options library, which is loaded for everything else: help,
 * errors, completions, and what is written in an unusual way.
 */
export interface Words<T> {
  /** The options and arguments in it, in order. */
  readonly leaves: readonly Leaf[];
  /**
   * The value of what was given.
   *
   * @throws {Error} when something is missing or wrong
   */
  valueOf(given: Given): T;
  /** The same for the options library. */
  build(library: typeof Library): Parser<"sync", T, unknown>;
}

/** What {@linkcode Words} give. */
export type ValueOf<W> = W extends Words<infer T> ? T : never;

/** An option or an argument. */
export interface Leaf {
  /** `--unit`, `-u`; none = an argument. */
  readonly names: readonly string[];
  /** Whether no text follows the name. */
  readonly isFlag: boolean;
  /** Whether it may be there more than once. */
  readonly isRepeatable: boolean;
}

/** What was written for each option and argument; for a flag its name. */
export type Given = ReadonlyMap<Leaf, readonly string[]>;

/** How the text of an option or argument becomes a value. */
export interface TextValue<T> {
  /**
   * The value of a text.
   *
   * @throws {Error} when it has none
   */
  parse(text: string): T;
  /** The same for the options library. */
  build(library: typeof Library): ValueParser<"sync", T>;
}

/** What is said of an option or argument. */
export interface About {
  /** Its line in the help. */
  readonly description: Message;
  /** Said instead of what the library would say. */
  readonly errors?: { readonly endOfInput?: Message };
}

/** A word without a name before it. */
export function argument<T>(value: TextValue<T>, about: About): Words<T> {
  const leaf: Leaf = { names: [], isFlag: false, isRepeatable: false };
  return {
    leaves: [leaf],
    valueOf: (given) => value.parse(onlyText(leaf, given)),
    build: (library) => library.argument(value.build(library), about),
  };
}

/** A name, and perhaps a short one, with a text behind it. */
export function option<T>(
  name: OptionName,
  ...rest: readonly [TextValue<T>, About] | readonly [OptionName, TextValue<T>, About]
): Words<T> {
  const [short, value, about] = rest.length === 3 ? rest : [undefined, ...rest];
  const names = namesOf(name, short);
  const leaf: Leaf = { names, isFlag: false, isRepeatable: false };
  return {
    leaves: [leaf],
    valueOf: (given) => value.parse(onlyText(leaf, given)),
    build: (library) => library.option(...names, value.build(library), about),
  };
}

/** A name alone: whether it is there. */
export function flag(
  name: OptionName,
  ...rest: readonly [About] | readonly [OptionName, About]
): Words<boolean> {
  const [short, about] = rest.length === 2 ? rest : [undefined, ...rest];
  const names = namesOf(name, short);
  const leaf: Leaf = { names, isFlag: true, isRepeatable: false };
  return {
    leaves: [leaf],
    valueOf: (given) => given.has(leaf),
    build: (library) => library.option(...names, about),
  };
}

function namesOf(name: OptionName, short?: OptionName): readonly [OptionName, ...OptionName[]] {
  return short === undefined ? [name] : [name, short];
}

function onlyText(leaf: Leaf, given: Given): string {
  const [text] = given.get(leaf) ?? [];
  if (text === undefined) throw new Error(`${leaf.names[0] ?? "an argument"} is missing`);
  return text;
}

/** What may be left out. */
export function optional<T>(words: Words<T>): Words<T | undefined> {
  return {
    leaves: words.leaves,
    valueOf: (given) => isGiven(words, given) ? words.valueOf(given) : undefined,
    build: (library) => library.optional(words.build(library)),
  };
}

/** What is something else when it is left out. */
export function withDefault<T>(words: Words<T>, fallback: NoInfer<T>): Words<T> {
  return {
    leaves: words.leaves,
    valueOf: (given) => isGiven(words, given) ? words.valueOf(given) : fallback,
    build: (library) => library.withDefault(words.build(library), () => fallback),
  };
}

function isGiven({ leaves }: Words<unknown>, given: Given): boolean {
  return leaves.some((leaf) => given.has(leaf));
}

/** One option or argument as often as it is written, at least `min` times. */
export function multiple<T>(words: Words<T>, { min = 0 } = {}): Words<readonly T[]> {
  const all = words.leaves.map((leaf) => ({ leaf, repeated: { ...leaf, isRepeatable: true } }));
  return {
    leaves: all.map(({ repeated }) => repeated),
    valueOf(given) {
      const values = all.flatMap(({ leaf, repeated }) =>
        (given.get(repeated) ?? []).map((text) => words.valueOf(new Map([[leaf, [text]]])))
      );
      if (values.length < min) throw new Error(`fewer than ${min}`);
      return values;
    },
    build: (library) => library.multiple(words.build(library), { min }),
  };
}

/** Something else that is made of the value. */
export function map<T, U>(words: Words<T>, change: (value: T) => U): Words<U> {
  return {
    leaves: words.leaves,
    valueOf: (given) => change(words.valueOf(given)),
    build: (library) => library.map(words.build(library), change),
  };
}
