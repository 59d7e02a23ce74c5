import assert from "node:assert/strict";
import { encodeReading } from "../../lib/avro/mod.ts";
import { renderTable } from "../../lib/cli/mod.ts";
import {
  ConfigError,
  type Device,
  type DeviceOptions,
  type Json,
  ModbusException,
  TransportError,
} from "../../lib/core/mod.ts";
import { sunspec } from "../../lib/drivers/sunspec.ts";
import { Chance } from "../modbus/chance.ts";
import { capped, exception, forever, holes, type Rule } from "../sunspec/memory_device.ts";
import { allPublished } from "../sunspec/published.ts";
import { anyMap, anyWord } from "./any_map.ts";
import { WordsDevice } from "./words_device.ts";

/** Halving a false length of 65,535 down to single registers would take 130,000 refusals. */
const MOST_REFUSED = 20_000;
/** The address space, and a last model that claims to reach as far beyond it. */
const MOST_ROWS = 2 * 0x1_0000;

/** What became of the maps. */
export interface MapCounts {
  /** A device that was read. */
  read: number;
  /** One of our errors. */
  failed: number;
  /** No SunSpec device. */
  none: number;
}

/** How much of it is to be done. */
export interface MapFuzz {
  readonly maps: number;
  readonly seed: number;
}

/**
 * Finds, lays out, reads, decodes and encodes devices whose registers may be anything. Each must be
 * a device with values, no device, or one of our errors, after a bounded number of requests.
 *
 * @throws {Error} naming round and seed
 */
export async function fuzzMaps({ maps, seed }: MapFuzz): Promise<MapCounts> {
  const chance = new Chance(seed);
  const models = await allPublished();
  const counts = { read: 0, failed: 0, none: 0 };
  for (let round = 0; round < maps; round++) {
    const words = anyMap(models, chance);
    try {
      counts[await oneMap(words, chance)]++;
    } catch (cause) {
      throw new Error(`Map ${round} of seed ${seed}`, { cause });
    }
  }
  return counts;
}

async function oneMap(words: Uint16Array, chance: Chance): Promise<keyof MapCounts> {
  const address = chance.of(0, 0, 40_000, 50_000);
  const transport = new WordsDevice(address, words, anyRules(words, chance));
  const options: DeviceOptions = {
    baseAddress: undefined,
    maxRegisters: chance.of(125, 125, 30, 10),
    readAhead: chance.of(0, 0, 500),
    models: undefined,
    modelsDir: undefined,
    registers: chance.next() < 0.5,
    memory: {},
  };
  let outcome = await oneOpening(transport, options, chance);
  // Opened again, it is held against what was learned of it.
  if (chance.next() < 0.3) {
    change(words, chance);
    outcome = await oneOpening(transport, options, chance);
  }
  assert.ok(transport.refused < MOST_REFUSED, `${transport.refused} refused`);
  return outcome;
}

async function oneOpening(
  transport: WordsDevice,
  options: DeviceOptions,
  chance: Chance,
): Promise<keyof MapCounts> {
  try {
    await using device = await sunspec.open(transport, options, forever);
    if (!device) return "none";
    await chance.of(checkSnapshot, checkReadings)(device, chance);
    while (chance.next() < 0.4) {
      change(transport.words, chance);
      await checkReadings(device);
    }
    return "read";
  } catch (error) {
    const isOurs = error instanceof TransportError || error instanceof ModbusException;
    if (!isOurs || error instanceof ConfigError) throw error;
    return "failed";
  }
}

/** What a device says may be something else each time. */
function change(words: Uint16Array, chance: Chance): void {
  for (let i = chance.below(20); i > 0; i--) words[chance.below(words.length)] = anyWord(chance);
}

function anyRules(words: Uint16Array, chance: Chance): readonly Rule[] {
  const hole = chance.below(words.length);
  return chance.of<readonly Rule[]>(
    [],
    [],
    [],
    [capped(chance.of(20, 50, 80), chance.of(2, 3))],
    [holes(hole, hole + 7)],
    [({ quantity }) =>
      quantity > 2 && chance.next() < 0.1 ? exception(chance.below(12)) : undefined],
    [({ quantity }) => quantity > 2 && chance.next() < 0.1 ? SILENCE : undefined],
  );
}

const SILENCE = new TransportError("no answer", "timeout");

/** What is printed holds no number that JSON has not, and nothing that would steer a terminal. */
async function checkSnapshot(device: Device, chance: Chance): Promise<void> {
  const raw = chance.next() < 0.5;
  const { document, rows } = await device.snapshot({ select: [], raw, valueless: false }, forever);
  checkJson(document);
  assert.ok(rows.length <= MOST_ROWS, `${rows.length} rows`);
  const cells = rows.map(({ source, point, value, unit }) => [source, point, value, unit]);
  const text = renderTable({ columns: ["model", "point", "value", "unit"], rows: cells }, false);
  // deno-lint-ignore no-control-regex
  assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(text), "control codes in a table");
  // deno-lint-ignore no-control-regex
  assert.ok(!/[\u0000-\u001f\u007f-\u009f]/.test(device.identity.id), "control codes in an id");
}

function checkJson(value: Json): void {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) assert.fail(`${value}`);
  } else if (Array.isArray(value)) value.forEach(checkJson);
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(checkJson);
}

/** What is delivered has a number or a text at each point, and can be encoded. */
async function checkReadings(device: Device): Promise<void> {
  for (const reading of await device.read({ statics: true }, forever)) {
    for (const { name, value, text } of reading.points) {
      const isFinite = value === null || Number.isFinite(value);
      if (!isFinite || (value === null && text === null)) assert.fail(`${name} ${value} ${text}`);
    }
    assert.ok(encodeReading(reading).payload.length > 0);
  }
}
