import { messageOf, type Setting, SettingError, type SettingFault } from "./core/mod.ts";

/** What every kind of setting is told. */
export interface SettingText {
  /** `section.key`. */
  readonly key: string;
  /** One line. */
  readonly summary: string;
  /** Left out: `SUNSPEC_` and the key in capitals. */
  readonly env?: string;
}

/** Builds a setting whose text form and file form are parsed by two functions. */
export function setting<T>(
  text: SettingText,
  fallback: T,
  parts: Pick<Setting<T>, "schema" | "parse" | "fromText"> & {
    readonly shownFallback?: string;
    readonly isSecret?: boolean;
  },
): Setting<T> {
  return {
    key: text.key,
    env: text.env ?? `SUNSPEC_${text.key.toUpperCase().replaceAll(".", "_")}`,
    summary: text.summary,
    fallback,
    shownFallback: parts.shownFallback ?? shown(fallback),
    isSecret: parts.isSecret ?? false,
    isReadFile: false,
    schema: parts.schema,
    parse: (value) => parts.parse(value),
    fromText: (value) => parts.fromText(value),
  };
}

function shown(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "none";
  return Array.isArray(value) ? value.join(",") : String(value);
}

/** Bounds of a number, both included. */
export interface Range {
  /** The least. */
  readonly min: number;
  /** The most. */
  readonly max: number;
}

/** A whole number. */
export function integer(text: SettingText, fallback: number, range: Range): Setting<number>;
/** A whole number that may be left open. */
export function integer(
  text: SettingText,
  fallback: undefined,
  range: Range,
): Setting<number | undefined>;
export function integer(
  text: SettingText,
  fallback: number | undefined,
  { min, max }: Range,
): Setting<number | undefined> {
  const check = (value: unknown) => {
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    throw new SettingError(`must be a whole number within ${min}–${max}`);
  };
  return setting(text, fallback, {
    schema: { type: "integer", minimum: min, maximum: max },
    parse: check,
    fromText: (value) => check(/^-?\d+$/.test(value.trim()) ? Number(value) : value),
  });
}

/** Yes or no. */
export function flag(text: SettingText, fallback: boolean): Setting<boolean> {
  return setting(text, fallback, {
    schema: { type: "boolean" },
    parse(value) {
      if (typeof value === "boolean") return value;
      throw new SettingError("must be true or false");
    },
    fromText(value) {
      const word = value.trim().toLowerCase();
      if (["true", "1", "yes", "on"].includes(word)) return true;
      if (["false", "0", "no", "off"].includes(word)) return false;
      throw new SettingError("must be true or false");
    },
  });
}

/** One word out of a list. */
export function oneOf<const T extends string>(
  text: SettingText,
  fallback: T,
  choices: readonly T[],
): Setting<T>;
/** One word out of a list, which may be left open. */
export function oneOf<const T extends string>(
  text: SettingText,
  fallback: undefined,
  choices: readonly T[],
): Setting<T | undefined>;
export function oneOf<const T extends string>(
  text: SettingText,
  fallback: T | undefined,
  choices: readonly T[],
): Setting<T | undefined> {
  const check = (value: unknown) => {
    // `acks = 1` and `isolate = true` are words too; a list is none.
    const found = choices.find((choice) => choice === writtenWord(value));
    if (found !== undefined) return found;
    throw new SettingError(`must be one of ${choices.join(", ")}`);
  };
  return setting(text, fallback, {
    schema: { enum: choices.flatMap((choice) => [choice, ...bareForm(choice)]) },
    parse: check,
    fromText: (value) => check(value.trim()),
  });
}

/** The text of a value that fits on a line; undefined for tables and arrays. */
export function writtenWord(value: unknown): string | undefined {
  return typeof value === "object" ? undefined : String(value);
}

/** A word as it may stand in a file without quotes: `acks = 1`, `isolate = true`. */
function bareForm(word: string): readonly (number | boolean)[] {
  if (word === "true" || word === "false") return [word === "true"];
  return /^\d+$/.test(word) ? [Number(word)] : [];
}

/** What a text must look like. */
export interface TextRule {
  /** What it must match. */
  readonly pattern: RegExp;
  /** Completes "must be …". */
  readonly meaning: string;
  /** Throws for a text that looks right and is wrong. */
  check?(value: string): void;
}

/** A text. */
export function text(about: SettingText, fallback: string, rule?: TextRule): Setting<string>;
/** A text that may be left open. */
export function text(
  about: SettingText,
  fallback: undefined,
  rule?: TextRule,
): Setting<string | undefined>;
export function text(
  about: SettingText,
  fallback: string | undefined,
  rule: TextRule = { pattern: /\S/, meaning: "a text" },
): Setting<string | undefined> {
  const check = (value: unknown) => {
    if (typeof value === "string" && rule.pattern.test(value)) return value;
    throw new SettingError(`must be ${rule.meaning}`);
  };
  return setting(about, fallback, {
    schema: { type: "string", pattern: rule.pattern.source },
    parse: check,
    fromText: check,
  });
}

/** The name of a file that is read; may be left open. */
export function readFile(about: SettingText): Setting<string | undefined> {
  return { ...text(about, undefined), isReadFile: true };
}

/** Texts; in the environment separated by commas. */
export function texts(
  about: SettingText,
  fallback: readonly string[],
  rule: TextRule,
): Setting<readonly string[]> {
  const check = (values: readonly unknown[]) => {
    const faults: SettingFault[] = [];
    const good: string[] = [];
    for (const [i, value] of values.entries()) {
      const text = faultOf(value, rule);
      if (text !== undefined) faults.push({ path: [String(i)], text });
      else if (typeof value === "string") good.push(value);
    }
    if (faults.length > 0) throw new SettingError(faults);
    return good;
  };
  const split = (value: string) => value.split(",").map((part) => part.trim()).filter(Boolean);
  return setting(about, fallback, {
    schema: {
      type: ["array", "string"],
      items: { type: "string", pattern: rule.pattern.source },
    },
    parse(value) {
      if (Array.isArray(value)) return check(value);
      if (typeof value === "string") return check(split(value));
      throw new SettingError("must be an array of texts");
    },
    fromText: (value) => check(split(value)),
  });
}

/** What is wrong with one text; undefined = nothing. */
function faultOf(value: unknown, { pattern, meaning, check }: TextRule): string | undefined {
  if (typeof value !== "string" || !pattern.test(value)) {
    return `${quoted(value)} must be ${meaning}`;
  }
  try {
    check?.(value);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function quoted(value: unknown): string {
  const word = writtenWord(value);
  return word === undefined ? "it" : `"${word}"`;
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
  TIB: 1024 ** 4,
};

/** A number of bytes: `1073741824`, or `"1 GiB"`. */
export function bytes(about: SettingText, shownFallback: string, min: number): Setting<number> {
  const check = (value: unknown) => {
    const size = typeof value === "number" ? value : parseBytes(writtenWord(value) ?? "");
    if (Number.isInteger(size) && size >= min) return size;
    throw new SettingError(
      `must be a number of bytes of at least ${min}, as 1073741824 or "1 GiB"`,
    );
  };
  return setting(about, parseBytes(shownFallback), {
    schema: { type: ["integer", "string"], minimum: min },
    shownFallback,
    parse: check,
    fromText: check,
  });
}

function parseBytes(value: string): number {
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B|B|)\s*$/i.exec(value) ?? [];
  if (digits === undefined || unit === undefined) return Number.NaN;
  const name = unit.toUpperCase().replace(/^([KMGT])B$/, "$1IB");
  return Math.round(Number(digits) * (BYTE_UNITS[name] ?? Number.NaN));
}

/** A secret: from the environment, or through the `*_file` setting beside it. */
export function secret(about: SettingText): Setting<string | undefined> {
  return setting<string | undefined>(about, undefined, {
    isSecret: true,
    schema: { not: {} },
    parse() {
      throw new SettingError(
        `is a secret and has no place in a file that people copy; set ${
          about.env ?? "it in the environment"
        }, or ${about.key}_file`,
      );
    },
    fromText: (value) => value,
  });
}
