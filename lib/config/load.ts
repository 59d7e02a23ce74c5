import { parse as parseToml, TomlError } from "smol-toml";
import {
  ConfigError,
  type Lookup,
  messageOf,
  type OutputType,
  type Setting,
  SettingError,
  UsageError,
} from "../core/mod.ts";
import { outputs } from "../outputs/mod.ts";
import { locateJson, locateToml } from "./locate.ts";
import { ownSettings, settings } from "./settings.ts";

/** Every setting there is: our own, then those of the outputs. */
export const allSettings: readonly Setting<unknown>[] = [
  ...ownSettings,
  ...outputs.flatMap(({ settings }) => settings),
];

/** Where a configuration comes from. */
export interface ConfigSources {
  /** `--config`; undefined = look in the usual places. */
  readonly file: string | undefined;
  /** `--set section.key=value`, in order. */
  readonly overrides: readonly string[];
  /** The environment. */
  readonly env: (name: string) => string | undefined;
}

/** Where one value comes from, for people: `"sunspool.toml" line 12`, `SUNSPEC_PORT`, `--set`, `default`. */
export type Origin = string;

interface Given {
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

  /** See {@linkcode loadConfig}. */
  constructor(file: string | undefined, given: ReadonlyMap<string, Given>) {
    this.file = file;
    this.#given = given;
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

/**
 * Reads the file, then the environment, then the flags; each overrides the one before.
 *
 * @throws {ConfigError} one line for each fault, with file, line and key
 * @throws {UsageError} for a flag
 */
export function loadConfig(sources: ConfigSources): Config {
  const faults: string[] = [];
  const given = new Map<string, Given>();
  const file = findFile(sources);
  if (file !== undefined) takeFile(file, given, faults);
  for (const setting of allSettings) {
    const value = sources.env(setting.env);
    if (value === undefined || value === "") continue;
    given.set(setting.key, { origin: setting.env, value, isText: true });
  }
  for (const override of sources.overrides) takeOverride(override, given);
  for (const setting of allSettings) checkValue(setting, given, file, faults);
  if (faults.length === 0) faults.push(...contradictions(new Config(file, given)));
  if (faults.length > 0) throw new ConfigError(faults.join("\n"));
  return new Config(file, given);
}

function findFile({ file, env }: ConfigSources): string | undefined {
  const named = file ?? (env("SUNSPEC_CONFIG") || undefined);
  if (named !== undefined) return named;
  const home = env("XDG_CONFIG_HOME") || (env("HOME") && `${env("HOME")}/.config`);
  const usual = [...(home ? [`${home}/sunspool/config.toml`] : []), "/etc/sunspool/config.toml"];
  return usual.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A parsed file and how to find a key's line in it. */
interface ParsedFile {
  readonly path: string;
  readonly content: unknown;
  locate(path: readonly string[]): number;
}

function parseFile(path: string): ParsedFile {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "no such file" : messageOf(cause);
    throw new ConfigError(`Cannot read configuration "${path}": ${why}`, { cause });
  }
  const isJson = path.endsWith(".json") || /^\s*\{/.test(text);
  try {
    const content: unknown = isJson ? JSON.parse(text) : parseToml(text);
    const locate = isJson ? locateJson : locateToml;
    return { path, content, locate: (keys) => locate(text, keys) };
  } catch (cause) {
    if (cause instanceof TomlError) {
      const [what = ""] = cause.message.replace(/^Invalid TOML document: /, "").split("\n");
      throw new ConfigError(`"${path}" line ${cause.line}: not TOML: ${what}`, { cause });
    }
    throw new ConfigError(`"${path}": not JSON: ${messageOf(cause)}`, { cause });
  }
}

function takeFile(path: string, given: Map<string, Given>, faults: string[]): void {
  const file = parseFile(path);
  takeTable(file, file.content, [], given, faults);
}

function where(file: ParsedFile, path: readonly string[]): Origin {
  const line = file.locate(path);
  return line > 0 ? `"${file.path}" line ${line}` : `"${file.path}"`;
}

function takeTable(
  file: ParsedFile,
  table: unknown,
  path: readonly string[],
  given: Map<string, Given>,
  faults: string[],
): void {
  if (typeof table !== "object" || table === null || Array.isArray(table)) {
    faults.push(`${where(file, path)}: ${path.join(".") || "the file"}: must be a table`);
    return;
  }
  for (const [name, value] of Object.entries(table)) {
    const inner = [...path, name];
    const key = inner.join(".");
    if (allSettings.some((setting) => setting.key === key)) {
      given.set(key, { origin: where(file, inner), value, isText: false });
    } else if (allSettings.some((setting) => setting.key.startsWith(`${key}.`))) {
      takeTable(file, value, inner, given, faults);
    } else {
      faults.push(`${where(file, inner)}: ${key}: unknown key${suggestion(key)}`);
    }
  }
}

/** The setting whose name differs least, if it is near. */
function suggestion(key: string): string {
  const near = allSettings
    .map((setting) => ({ key: setting.key, distance: editDistance(key, setting.key) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= 3 ? `, did you mean ${near.key}?` : "";
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

function takeOverride(override: string, given: Map<string, Given>): void {
  const [, key, value] = /^([\w.]+)=(.*)$/s.exec(override) ?? [];
  const setting = allSettings.find((setting) => setting.key === key);
  if (key === undefined || value === undefined) {
    throw new UsageError(`Cannot use --set "${override}": write --set section.key=value`);
  }
  if (!setting) {
    throw new UsageError(`Cannot use --set "${override}": unknown key "${key}"${suggestion(key)}`);
  }
  if (setting.isSecret) {
    throw new UsageError(
      `Cannot use --set for ${key}: a secret on the command line can be read by everybody; ` +
        `set ${setting.env} or ${key}_file`,
    );
  }
  try {
    setting.fromText(value);
  } catch (error) {
    throw new UsageError(`Cannot use --set "${override}": ${key} ${messageOf(error)}`);
  }
  given.set(key, { origin: "--set", value, isText: true });
}

function checkValue(
  setting: Setting<unknown>,
  given: ReadonlyMap<string, Given>,
  file: string | undefined,
  faults: string[],
): void {
  const entry = given.get(setting.key);
  if (!entry) return;
  try {
    if (entry.isText) setting.fromText(String(entry.value));
    else setting.parse(entry.value);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    for (const { path, text } of error.faults) {
      const key = [setting.key, ...path].join(".");
      const isNested = path.length > 0 && file !== undefined && !entry.isText;
      const origin = isNested
        ? where(parseFile(file), [...setting.key.split("."), ...path])
        : entry.origin;
      const value = path.length === 0 && !setting.isSecret ? ` = ${show(entry.value)}` : "";
      faults.push(`${origin}: ${key}${value}: ${text}`);
    }
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** Values that are each right, but not together. */
function contradictions(config: Config): string[] {
  const names = config.get(settings.collect.outputs);
  const known = outputs.map(({ name }) => name);
  const origin = config.originOf(settings.collect.outputs);
  const unknown = names.filter((name) => !known.includes(name)).map((name) =>
    `${origin}: collect.outputs: there is no output "${name}", only ${known.join(", ")}`
  );
  const chosen = config.outputs().flatMap((output) =>
    output.check(config.get).map(({ key, text }) => {
      const setting = allSettings.find((setting) => setting.key === key);
      return `${setting ? config.originOf(setting) : "configuration"}: ${key}: ${text}`;
    })
  );
  return [...unknown, ...chosen];
}
