import type { Message } from "@optique/core/message";
import type { NonEmptyString } from "@optique/core/nonempty";
import type { ValueParserResult } from "@optique/core/valueparser";
import {
  type Endpoint,
  formatEndpoint,
  messageOf,
  parseEndpoint,
  parseUnitIds,
  type UnitIds,
} from "../core/mod.ts";
import type { TextValue } from "./words.ts";

/** A sentence for help and errors. */
export function say(text: string): Message {
  return [{ type: "text", text }];
}

/** A value of our own, that can be shown as well. */
export interface OwnValue<T> extends TextValue<T> {
  /** As it is written. */
  format(value: T): string;
}

/**
 * A value for the command line that is parsed by ourselves.
 *
 * @param metavar what stands for the value in help
 * @param sample a text that `parse` takes
 * @param parse throws when it cannot take the text
 */
export function value<T>(
  metavar: NonEmptyString,
  sample: string,
  parse: (text: string) => T,
  format: (value: T) => string = String,
): OwnValue<T> {
  return {
    parse,
    format,
    build: () => ({
      mode: "sync",
      metavar,
      parse: (input) => resultOf(() => parse(input)),
      format,
      placeholder: parse(sample),
    }),
  };
}

function resultOf<T>(parse: () => T): ValueParserResult<T> {
  try {
    return { success: true, value: parse() };
  } catch (error) {
    return { success: false, error: say(messageOf(error)) };
  }
}

/** Any text. */
export function string(about: { readonly metavar: NonEmptyString }): TextValue<string> {
  return { parse: (text) => text, build: (library) => library.string(about) };
}

/** The path of a file or a folder, which a shell completes. */
export function path(about: { readonly metavar: NonEmptyString }): TextValue<string> {
  return {
    parse: (text) => text,
    build: (library) => ({
      ...library.string(about),
      *suggest(pattern: string) {
        yield { kind: "file", type: "any", pattern };
      },
    }),
  };
}

/** One of a few words. */
export function choice<const T extends string>(
  choices: readonly T[],
  about: { readonly metavar: NonEmptyString },
): TextValue<T> {
  return {
    parse(text) {
      const found = choices.find((choice) => choice === text);
      if (found === undefined) throw new Error(`"${text}" is none of ${choices.join(", ")}`);
      return found;
    },
    build: (library) => library.choice(choices, about),
  };
}

/** A whole number within a range. */
export function integer(
  range: { readonly min: number; readonly max?: number; readonly metavar?: NonEmptyString },
): TextValue<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = range;
  return {
    parse(text) {
      const number = /^\d+$/.test(text) ? Number(text) : NaN;
      if (number >= min && number <= max) return number;
      throw new Error(`"${text}" is no whole number from ${min} to ${max}`);
    },
    build: (library) => library.integer(range),
  };
}

/** `--unit`. */
export const unitIdsValue: OwnValue<UnitIds> = value(
  "UNITS",
  "1",
  parseUnitIds,
  (ids) => ids === "auto" ? ids : ids.join(","),
);

/** An endpoint, with the port that a plain host gets. */
export const endpointValue: OwnValue<Endpoint> = value(
  "ENDPOINT",
  "127.0.0.1",
  (text) => parseEndpoint(text),
  formatEndpoint,
);

/** Milliseconds, as `500`, `500ms` or `2s`. */
export const millisecondsValue: OwnValue<number> = value("MS", "1s", (text) => {
  const [, digits, unit] = /^(\d+)(ms|s)?$/.exec(text) ?? [];
  const ms = Number(digits) * (unit === "s" ? 1000 : 1);
  if (digits === undefined || ms < 1 || ms > 86_400_000) {
    throw new Error(`"${text}" is no time: write 500, 500ms or 2s`);
  }
  return ms;
});

/** A moment, as ISO 8601 says it; Unix milliseconds. */
export const timeValue: OwnValue<number> = value(
  "TIME",
  "2026-11-25T06:00:00Z",
  (text) => {
    const ms = Date.parse(text);
    if (!/^\d{4}-\d\d-\d\d(T|$)/.test(text) || Number.isNaN(ms)) {
      throw new Error(`"${text}" is no time: write 2026-11-25 or 2026-11-25T06:00:00Z`);
    }
    return ms;
  },
  (ms) => new Date(ms).toISOString(),
);
