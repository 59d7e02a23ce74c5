import type { ValueParser, ValueParserResult } from "@optique/core/valueparser";
import type { Message } from "@optique/core/message";
import type { NonEmptyString } from "@optique/core/nonempty";
import {
  type Endpoint,
  formatEndpoint,
  messageOf,
  parseEndpoint,
  parseUnitIds,
  type UnitIds,
} from "../core/mod.ts";

/** A sentence for help and errors. */
export function say(text: string): Message {
  return [{ type: "text", text }];
}

/**
 * A value parser for the command line out of one of our own.
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
): ValueParser<"sync", T> {
  return {
    mode: "sync",
    metavar,
    parse(input: string): ValueParserResult<T> {
      try {
        return { success: true, value: parse(input) };
      } catch (error) {
        return { success: false, error: say(messageOf(error)) };
      }
    },
    format,
    placeholder: parse(sample),
  };
}

/** `--unit`. */
export const unitIdsValue: ValueParser<"sync", UnitIds> = value(
  "UNITS",
  "1",
  parseUnitIds,
  (ids) => ids === "auto" ? ids : ids.join(","),
);

/** An endpoint, with the port that a plain host gets. */
export const endpointValue: ValueParser<"sync", Endpoint> = value(
  "ENDPOINT",
  "127.0.0.1",
  (text) => parseEndpoint(text),
  formatEndpoint,
);

/** Milliseconds, as `500`, `500ms` or `2s`. */
export const millisecondsValue: ValueParser<"sync", number> = value("MS", "1s", (text) => {
  const [, digits, unit] = /^(\d+)(ms|s)?$/.exec(text) ?? [];
  const ms = Number(digits) * (unit === "s" ? 1000 : 1);
  if (digits === undefined || ms < 1 || ms > 86_400_000) {
    throw new Error(`"${text}" is no time: write 500, 500ms or 2s`);
  }
  return ms;
});

/** A moment, as ISO 8601 says it; Unix milliseconds. */
export const timeValue: ValueParser<"sync", number> = value(
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
