import assert from "node:assert/strict";
import { ConfigError, type Json, ModbusException, TransportError } from "../../lib/core/mod.ts";
import { sunspec } from "../../lib/drivers/sunspec.ts";
import { publishedModels } from "../../models/sunspec/mod.ts";
import { simulateDevice } from "../../lib/simulate/mod.ts";
import { Definitions } from "../../lib/sunspec/mod.ts";
import { Chance } from "../modbus/chance.ts";
import { capped, exception, forever, holes, MemoryDevice, type Rule } from "./memory_device.ts";

const ROUNDS = 400;
/** Halving a false length of 65,535 down to single registers would take 130,000 refusals. */
const MOST_REFUSED = 20_000;

/** The map of a simulated device with groups of every kind. */
async function aMap(): Promise<Uint8Array> {
  const ids = [1, 103, 160, 705, 711, 714, 802, 213, 1, 203];
  const device = await simulateDevice({
    identity: {
      manufacturer: "Helio",
      model: "H-10",
      options: "",
      version: "1",
      serialNumber: "1",
    },
    unitId: 1,
    seed: 7,
    baseAddress: 0,
    models: ids.map((id) => ({ id, groups: 3 })),
  }, new Definitions(publishedModels));
  return device.mapAt(100).slice();
}

type Mutation = (words: Uint16Array, chance: Chance) => Uint16Array;

/** Words that mean something, somewhere. */
const WORDS = [0, 1, 2, 7, 65, 66, 103, 160, 705, 0x7fff, 0x8000, 0xfffe, 0xffff] as const;

/** What firmware, gateways and attackers do to a map. */
const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  (words) => words,
  (words, chance) => changed(words, 1 + chance.below(5), () => chance.of(...WORDS), chance),
  (words, chance) => changed(words, 1 + chance.below(200), () => chance.below(0x1_0000), chance),
  (words, chance) => changed(words, words.length / 4, () => chance.of(...WORDS), chance),
  (words, chance) => words.slice(0, 2 + chance.below(words.length)),
  (words, chance) => spliced(words, chance.below(words.length), 1 + chance.below(3), 0),
  (words, chance) => spliced(words, chance.below(words.length), 0, 1 + chance.below(3)),
  (words, chance) => {
    const grown = new Uint16Array(0x1_0000).fill(chance.of(...WORDS));
    grown.set(words);
    return grown;
  },
  (words, chance) => {
    const rubbish = Uint16Array.from({ length: 2000 }, () => chance.below(0x1_0000));
    rubbish.set(words.subarray(0, 2 + chance.below(100)));
    return rubbish;
  },
];

function changed(words: Uint16Array, times: number, next: () => number, chance: Chance) {
  const copy = words.slice();
  // The marker stays: without it there is no map to speak of.
  for (let i = 0; i < times; i++) copy[2 + chance.below(copy.length - 2)] = next();
  return copy;
}

function spliced(words: Uint16Array, at: number, removed: number, added: number): Uint16Array {
  const start = Math.max(2, at);
  return Uint16Array.of(
    ...words.subarray(0, start),
    ...new Uint16Array(added),
    ...words.subarray(start + removed),
  );
}

function anyRules(chance: Chance, words: Uint16Array): readonly Rule[] {
  const hole = chance.below(words.length);
  const silent = new TransportError("no answer", "timeout");
  return chance.of<readonly Rule[]>(
    [],
    [],
    [capped(chance.of(20, 50, 80), chance.of(2, 3))],
    [holes(hole, hole + 7)],
    [({ quantity }) =>
      quantity > 2 && chance.next() < 0.1 ? exception(chance.below(12)) : undefined],
    [({ quantity }) => quantity > 2 && chance.next() < 0.1 ? silent : undefined],
  );
}

/** Values that JSON holds. */
function checkJson(value: Json): void {
  if (typeof value === "number") assert.ok(Number.isFinite(value), `${value}`);
  else if (Array.isArray(value)) value.forEach(checkJson);
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(checkJson);
}

Deno.test("any map is a device with values, no device, or one of our errors, in bounded time", async () => {
  const chance = new Chance();
  const original = await aMap();
  const view = new DataView(original.buffer);
  const words = Uint16Array.from({ length: original.length / 2 }, (_, i) => view.getUint16(i * 2));
  const seen = { read: 0, failed: 0, none: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    try {
      seen[await oneRound(words, chance)]++;
    } catch (cause) {
      throw chance.failure(round, cause);
    }
  }
  assert.ok(seen.read > ROUNDS / 2, JSON.stringify(seen));
  assert.ok(seen.failed > ROUNDS / 100, JSON.stringify(seen));
});

async function oneRound(words: Uint16Array, chance: Chance): Promise<"read" | "failed" | "none"> {
  let mutated = chance.of(...MUTATIONS)(words, chance);
  if (chance.next() < 0.3) mutated = chance.of(...MUTATIONS)(mutated, chance);
  const memory = new MemoryDevice(0, "", ...anyRules(chance, mutated));
  for (const [address, word] of mutated.entries()) {
    if (address < 0x1_0000) memory.registers.set(address, word);
  }
  const options = {
    baseAddress: undefined,
    maxRegisters: chance.of(125, 125, 30, 10),
    readAhead: chance.of(0, 500),
    models: undefined,
    modelsDir: undefined,
    registers: chance.next() < 0.5,
  };
  try {
    const device = await sunspec.open(memory, options, forever);
    if (!device) return "none";
    for (const raw of [false, true]) {
      const { document, rows } = await device.snapshot(
        { select: [], raw, valueless: false },
        forever,
      );
      checkJson(document);
      assert.ok(rows.length < 200_000);
    }
    for await (const { points, collectedAt } of device.read({ statics: true }, forever)) {
      assert.ok(Number.isSafeInteger(collectedAt));
      for (const { value, text } of points) {
        assert.ok(value !== null || text !== null);
        assert.ok(value === null || Number.isFinite(value), `${value}`);
      }
    }
    return "read";
  } catch (error) {
    const isOurs = error instanceof TransportError || error instanceof ModbusException;
    if (!isOurs || error instanceof ConfigError) throw error;
    return "failed";
  } finally {
    const refused = memory.requests.length - memory.served.length;
    assert.ok(refused < MOST_REFUSED, `${refused} refused`);
  }
}
