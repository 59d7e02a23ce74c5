import type { Lookup, OutputType, Setting } from "../core/mod.ts";
import { outputs } from "../outputs/mod.ts";
import { ownSettings, settings } from "./settings.ts";

/** Every setting there is: our own, then those of the outputs. */
export const allSettings: readonly Setting<unknown>[] = [
  ...ownSettings,
  ...outputs.flatMap(({ settings }) => settings),
];

/** Where one value comes from, for people: `"sunspool.toml" line 12`, `SUNSPEC_PORT`, `--set`, `--timeout`, `default`. */
export type Origin = string;

/** A value as it was written. */
export interface Given {
  readonly origin: Origin;
  readonly value: unknown;
  /** From the environment or a flag. */
  readonly isText: boolean;
}

/** The effective configuration. */
export class Config {
  /** The file that was read, if any. */
  readonly file: string | undefined;
  readonly #given: ReadonlyMap<string, Given>;

  /** Variables that look like ours and are none. */
  readonly unknownVariables: readonly string[];

  /** See {@linkcode loadConfig}. */
  constructor(
    file: string | undefined,
    given: ReadonlyMap<string, Given>,
    unknownVariables: readonly string[],
  ) {
    this.file = file;
    this.#given = given;
    this.unknownVariables = unknownVariables;
  }

  /** The effective value of a setting. */
  readonly get: Lookup = (setting) => {
    const given = this.#given.get(setting.key);
    if (!given) return setting.fallback;
    return given.isText ? setting.fromText(String(given.value)) : setting.parse(given.value);
  };

  /** Where the effective value comes from. */
  originOf({ key }: Setting<unknown>): Origin {
    return this.#given.get(key)?.origin ?? "default";
  }

  /** The value as it was written, for printing. */
  writtenValue(setting: Setting<unknown>): unknown {
    const given = this.#given.get(setting.key);
    return given ? given.value : setting.shownFallback;
  }

  /** The outputs that readings go to. */
  outputs(): readonly OutputType[] {
    const names = this.get(settings.collect.outputs);
    if (names.length > 0) return outputs.filter(({ name }) => names.includes(name));
    return outputs.filter((output) => output.isDefault(this.get)).slice(0, 1);
  }
}
