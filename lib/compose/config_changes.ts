import { createHash } from "node:crypto";
import { allSettings, type Config, settings } from "../config/mod.ts";
import { ConfigError, type Setting } from "../core/mod.ts";
import { topic } from "../outputs/mod.ts";

const { buffer, discovery, metrics, modbus } = settings;

/** What a collector cannot change while it runs: its name, its buffer file, where it listens. */
const FIXED: readonly Setting<unknown>[] = [
  settings.collector.id,
  buffer.path,
  buffer.synchronous,
  buffer.commitIntervalMs,
  buffer.maxBytes,
  buffer.minFreeBytes,
  buffer.whenFull,
  buffer.isolate,
  ...Object.values(metrics),
  modbus.recordFile,
];

/** How all devices are read: those that are not disturbed by a change elsewhere. */
const READING: readonly Setting<unknown>[] = [
  ...Object.values(settings.poller),
  ...Object.values(modbus),
  ...Object.values(settings.sunspec),
  ...Object.values(settings.avro),
  discovery.perHostTimeoutMs,
];

/** What every delivery rests on, beside the settings of its output. */
const DELIVERING: readonly Setting<unknown>[] = [buffer.batchSize, buffer.drainIntervalMs, topic];

/** The effective configuration as it was when it was read, with the files that it names. */
export class ConfigState {
  readonly config: Config;
  readonly #states: ReadonlyMap<string, string>;

  /** Reads the files that it names. */
  constructor(config: Config) {
    this.config = config;
    this.#states = new Map(allSettings.map((setting) => [setting.key, stateOf(config, setting)]));
  }

  /** Whether any of these settings, or a file that one of them names, is another since. */
  differs(since: ConfigState, some: readonly Setting<unknown>[]): boolean {
    return some.some((setting) => this.#isOther(since, setting));
  }

  /** What is another for all devices at once. */
  fleetChange(since: ConfigState) {
    return {
      isRebuilt: this.differs(since, READING),
      isSearchOther: this.differs(since, [...Object.values(discovery), settings.collect.shard]),
    };
  }

  /** The names of the outputs that are to be left: they are no longer wanted, or not in this way. */
  outputsLeft(since: ConfigState): readonly string[] {
    const wanted = this.config.outputs();
    return since.config.outputs().filter((type) =>
      !wanted.includes(type) || this.differs(since, [...DELIVERING, ...type.settings])
    ).map(({ name }) => name);
  }

  /**
   * That nothing is another that only a start can change.
   *
   * @throws {ConfigError} one line for each
   */
  requireChangeable(since: ConfigState): void {
    const faults = FIXED.filter((setting) => this.#isOther(since, setting)).map((setting) => {
      const origin = this.config.originOf(setting);
      return `${origin}: ${setting.key} cannot change while it runs; restart it`;
    });
    const hasSerial = this.config.get(settings.devices).some(({ endpoint }) =>
      endpoint.scheme === "serial"
    );
    // Opening a serial port takes all permissions, and those that were not needed are given up.
    if (hasSerial && Deno.permissions.querySync({ name: "run" }).state !== "granted") {
      faults.push("devices: the first serial port cannot be added while it runs; restart it");
    }
    if (faults.length > 0) throw new ConfigError(faults.join("\n"));
  }

  #isOther(since: ConfigState, { key }: Setting<unknown>): boolean {
    return this.#states.get(key) !== since.#states.get(key);
  }
}

/** As a hash: secrets are among it. */
function stateOf({ get }: Config, setting: Setting<unknown>): string {
  const value = get(setting);
  const hash = createHash("sha256").update(JSON.stringify(value) ?? "");
  const isRead = setting.isReadFile && !FIXED.includes(setting);
  if (isRead && typeof value === "string") hash.update(contentOf(value));
  return hash.digest("hex");
}

function contentOf(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch {
    // Told by whoever needs it.
    return new Uint8Array(0);
  }
}
