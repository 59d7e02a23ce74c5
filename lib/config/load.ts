import { ConfigError, messageOf, type Setting, SettingError, UsageError } from "../core/mod.ts";
import { allSettings, Config, type Given } from "./config.ts";
import { contradictions } from "./contradictions.ts";
import { expandShortForm } from "./devices.ts";
import { type ParsedFile, parseFile, where } from "./file.ts";
import { findFile } from "./find.ts";
import { settings } from "./settings.ts";
import { devicesOfShard, fileForShard, formatShard, nameForShard } from "./shard.ts";
import { suggestion } from "./suggest.ts";

/** Where a configuration comes from. */
export interface ConfigSources {
  /** `--config`; undefined = look in the usual places. */
  readonly file: string | undefined;
  /** `--set section.key=value`, in order. */
  readonly overrides: readonly string[];
  /** Flags that stand for one key each; they override all others. */
  readonly flags?: readonly KeyFlag[];
  /** The environment. */
  readonly env: (name: string) => string | undefined;
  /** The names in it. */
  readonly envNames?: readonly string[];
}

/** A flag that stands for one key. */
export interface KeyFlag {
  /** `--timeout` */
  readonly flag: string;
  /** `modbus.timeout_ms` */
  readonly key: string;
  /** The value as in the environment. */
  readonly value: string;
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
  for (const flag of sources.flags ?? []) takeFlag(flag, given);
  givePort(given);
  const right = new Map(given);
  for (const setting of allSettings) {
    const found = faultsOf(setting, given.get(setting.key), file);
    if (found.length > 0) right.delete(setting.key);
    faults.push(...found);
  }
  const isWrong = (key: string) => given.has(key) && !right.has(key);
  faults.push(...contradictions(new Config(file, right, []), isWrong));
  if (faults.length > 0) throw new ConfigError(faults.join("\n"));
  takePart(given);
  return new Config(file, given, unknownVariables(sources.envNames ?? []));
}

/** A shard has its own part of the devices, and its own id and buffer. */
function takePart(given: Map<string, Given>): void {
  const config = new Config(undefined, given, []);
  const shard = config.get(settings.collect.shard);
  if (!shard) return;
  const { collector, buffer, devices } = settings;
  const change = ({ key }: Setting<unknown>, value: unknown) => {
    const origin = `${given.get(key)?.origin ?? "default"}, for shard ${formatShard(shard)}`;
    given.set(key, { origin, value, isText: false });
  };
  const id = config.get(collector.id);
  if (id !== undefined) change(collector.id, nameForShard(id, shard));
  change(buffer.path, fileForShard(config.get(buffer.path), shard));
  const list = given.get(devices.key);
  if (!list) return;
  const written = list.isText ? expandShortForm(String(list.value)) : list.value;
  if (Array.isArray(written)) change(devices, devicesOfShard(written, shard));
}

function unknownVariables(names: readonly string[]): string[] {
  const known = new Set(["SUNSPEC_CONFIG", ...allSettings.map(({ env }) => env)]);
  return names.filter((name) => name.startsWith("SUNSPEC_") && !known.has(name)).sort();
}

function takeFile(path: string, given: Map<string, Given>, faults: string[]): void {
  const file = parseFile(path);
  takeTable(file, file.content, [], given, faults);
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

function takeOverride(override: string, given: Map<string, Given>): void {
  const [, key, value] = /^([\w.]+)=(.*)$/s.exec(override) ?? [];
  if (key === undefined || value === undefined) {
    throw new UsageError(`Cannot use --set "${override}": write --set section.key=value`);
  }
  takeFlag({ flag: "--set", key, value }, given);
}

function takeFlag({ flag, key, value }: KeyFlag, given: Map<string, Given>): void {
  const setting = allSettings.find((setting) => setting.key === key);
  if (!setting) {
    // What a mistyped key was given may be a secret.
    throw new UsageError(`Cannot use ${flag} for "${key}": unknown key${suggestion(key)}`);
  }
  if (setting.isSecret) {
    throw new UsageError(
      `Cannot use ${flag} for ${key}: a secret on the command line can be read by everybody; ` +
        `set ${setting.env} or ${key}_file`,
    );
  }
  try {
    setting.fromText(value);
  } catch (error) {
    const written = flag === "--set" ? `${key}=${value}` : value;
    throw new UsageError(`Cannot use ${flag} "${written}": ${key} ${messageOf(error)}`);
  }
  given.set(key, { origin: flag, value, isText: true });
}

/** The short form of devices has no room for a port: that of the search is theirs as well. */
function givePort(given: Map<string, Given>): void {
  const { devices, discovery } = settings;
  const [list, port] = [given.get(devices.key), given.get(discovery.port.key)];
  if (!list?.isText || !port || !/^\d+$/.test(String(port.value))) return;
  try {
    const value = expandShortForm(String(list.value), Number(port.value));
    given.set(devices.key, { ...list, value, isText: false });
  } catch {
    // Left as it is: its fault is told with all others.
  }
}

/** What is wrong with one value, each with where it stands. */
function faultsOf(
  setting: Setting<unknown>,
  given: Given | undefined,
  file: string | undefined,
): string[] {
  if (!given) return [];
  try {
    if (given.isText) setting.fromText(String(given.value));
    else setting.parse(given.value);
    return [];
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return error.faults.map(({ path, text, written }) => {
      const key = [setting.key, ...path].join(".");
      const isNested = path.length > 0 && file !== undefined && !given.isText;
      const origin = isNested
        ? where(parseFile(file), [...setting.key.split("."), ...path])
        : given.origin;
      const value = path.length === 0 && !setting.isSecret ? given.value : written;
      return `${origin}: ${key}${value === undefined ? "" : ` = ${show(value)}`}: ${text}`;
    });
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
