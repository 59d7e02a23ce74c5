import type { Io } from "../cli/mod.ts";
import { messageOf, UsageError } from "../core/mod.ts";
import { sunspecDefinitions } from "../drivers/mod.ts";
import { parseExchanges } from "../modbus/mod.ts";
import {
  chance,
  type Fault,
  parseEndpointSpec,
  parseFault,
  replaysOf,
  type ServeAt,
  serveAt,
  serveEndpoint,
} from "../simulate/mod.ts";

/** What is printed of one endpoint. */
export interface ServedLine {
  /** Where clients reach it. */
  readonly endpoint: string;
  /** Those that answer. */
  readonly unit_ids: readonly number[];
  /** Of each; empty for a replay. */
  readonly models: readonly number[];
  /** Where their maps begin; null for a replay. */
  readonly base_address: number | null;
}

/** What {@linkcode serveDevices} needs of the options. */
export interface DeviceWords {
  readonly device: readonly string[];
  readonly devices: number;
  readonly models: string;
  readonly baseAddress: number;
  readonly unit: string;
  readonly stepMs: number;
  readonly modelsDir: string;
  readonly fault: readonly string[];
  readonly faultSeed: number;
}

/**
 * Serves simulated devices; each endpoint is closed with the stack.
 *
 * @throws {UsageError} a specification is wrong, or the place cannot be had
 * @throws {ConfigError} nobody has defined one of the models
 */
export async function serveDevices(
  words: DeviceWords,
  place: (index: number) => ServeAt,
  served: AsyncDisposableStack,
  io: Io,
): Promise<readonly ServedLine[]> {
  const { device, devices, models, baseAddress, unit, stepMs, modelsDir } = words;
  const common = `${models}@${baseAddress}/${unit}`;
  const texts = device.length > 0 ? device : Array.from({ length: devices }, () => common);
  const specs = texts.map((text, index) => ({
    ...parseEndpointSpec(text),
    faults: faultsOf(words, index),
  }));
  const definitions = await sunspecDefinitions(modelsDir || undefined);
  io.giveUp(["read"]);
  const startedAt = performance.now();
  const stateOf = () => Math.floor((performance.now() - startedAt) / stepMs);
  const lines: ServedLine[] = [];
  for (const [index, spec] of specs.entries()) {
    const at = { ...place(index), index };
    const { endpoint } = served.use(await serveEndpoint(spec, at, definitions, stateOf));
    const ids = spec.models.map(({ id }) => id);
    lines.push({
      endpoint,
      unit_ids: spec.unitIds,
      models: ids,
      base_address: spec.baseAddress,
    });
  }
  return lines;
}

/** Each address has faults of its own, since some remember what was sent. */
function faultsOf({ fault, faultSeed }: DeviceWords, index: number): readonly Fault[] {
  let draws = 0;
  return fault.map((text) => parseFault(text, () => chance(faultSeed, index, draws++)));
}

/**
 * Serves what was recorded, one place for each endpoint in the file.
 *
 * @throws {UsageError} the file is no recording, or the place cannot be had
 */
export async function serveReplay(
  file: string,
  place: (index: number) => ServeAt,
  served: AsyncDisposableStack,
  io: Io,
): Promise<readonly ServedLine[]> {
  const replays = replaysOf(parseExchanges(readText(file), file));
  io.giveUp(["read"]);
  if (replays.length === 0) throw new UsageError(`Cannot replay "${file}": nothing is in it`);
  const lines: ServedLine[] = [];
  for (const [index, { unitIds, handler }] of replays.entries()) {
    const { endpoint } = served.use(await serveAt(place(index), handler));
    lines.push({ endpoint, unit_ids: unitIds, models: [], base_address: null });
  }
  return lines;
}

function readText(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    throw new UsageError(`Cannot replay "${file}": ${messageOf(cause)}`, { cause });
  }
}
