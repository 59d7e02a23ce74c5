/** One key of the configuration: what it takes, what it is when nobody says, how it is documented. */
export interface Setting<T> {
  /** `section.key`, as in the file. */
  readonly key: string;
  /** The environment variable that overrides the file. */
  readonly env: string;
  /** One line. */
  readonly summary: string;
  /** The value when it is given nowhere. */
  readonly fallback: T;
  /** The same for people: `1 GiB`, `none`. */
  readonly shownFallback: string;
  /** Never printed, never taken from a flag or the file: environment, `*_file` or credential only. */
  readonly isSecret: boolean;
  /** Names a file that is read and has to be there. */
  readonly isReadFile: boolean;
  /** JSON Schema of the value in the file. */
  readonly schema: { readonly [keyword: string]: unknown };
  /**
   * Takes a value out of the file.
   *
   * @throws {SettingError}
   */
  parse(value: unknown): T;
  /**
   * Takes a value out of the environment or a flag.
   *
   * @throws {SettingError}
   */
  fromText(text: string): T;
}

/** Gives the effective value of a setting. */
export type Lookup = <T>(setting: Setting<T>) => T;

/** What is wrong with one value. */
export interface SettingFault {
  /** Where in a nested value: `["0", "unit_ids"]`; empty = the value itself. */
  readonly path: readonly string[];
  /** Completes "the key …". */
  readonly text: string;
  /** What was written there, where `text` does not say it. */
  readonly written?: unknown;
}

/** A value that a setting does not take. */
export class SettingError extends Error {
  static {
    this.prototype.name = "SettingError";
  }
  /** At least one. */
  readonly faults: readonly SettingFault[];

  /** Takes one text for the value itself, or the faults within it. */
  constructor(faults: string | readonly SettingFault[]) {
    const list = typeof faults === "string" ? [{ path: [], text: faults }] : faults;
    super(list.map(({ text }) => text).join("; "));
    this.faults = list;
  }
}
