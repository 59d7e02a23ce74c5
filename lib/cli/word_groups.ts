import type { Message } from "@optique/core/message";
import type * as Library from "./library.ts";
import type { ValueOf, Words } from "./words.ts";

type Fields = Readonly<Record<string, Words<unknown>>>;
type FieldValues<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };
type Named = Readonly<Record<string, unknown>>;
type Errors = { readonly errors?: { readonly endOfInput?: Message } };

/** An object of values, by the names of what gives them. */
export function object<F extends Fields>(fields: F, errors?: Errors): Words<FieldValues<F>>;
export function object(fields: Fields, errors: Errors = {}): Words<Named> {
  return grouped(fields, (library) => library.object(built(fields, library), errors));
}

/** The same under a title of its own in the help. */
export function section<F extends Fields>(title: string, fields: F): Words<FieldValues<F>>;
export function section(title: string, fields: Fields): Words<Named> {
  return grouped(fields, (library) => library.object(title, built(fields, library)));
}

function grouped(fields: Fields, build: Words<Named>["build"]): Words<Named> {
  const entries = Object.entries(fields);
  return {
    leaves: entries.flatMap(([, { leaves }]) => leaves),
    valueOf: (given) =>
      Object.fromEntries(entries.map(([name, words]) => [name, words.valueOf(given)])),
    build,
  };
}

function built(fields: Fields, library: typeof Library) {
  return Object.fromEntries(
    Object.entries(fields).map(([name, words]) => [name, words.build(library)]),
  );
}

type Merged<P extends readonly unknown[]> = P extends readonly [Words<infer T>, ...infer Rest]
  ? T & Merged<Rest>
  : unknown;

/** One object of what several give. */
export function merge<const P extends readonly Words<Named>[]>(...parts: P): Words<Merged<P>>;
export function merge(...parts: readonly Words<Named>[]): Words<Named> {
  return {
    leaves: parts.flatMap(({ leaves }) => leaves),
    valueOf: (given) => Object.assign({}, ...parts.map((words) => words.valueOf(given))),
    build: (library) => library.merge(...parts.map((words) => words.build(library))),
  };
}
