import assert from "node:assert/strict";
import {
  type DeviceOptions,
  ModbusException,
  ProtocolError,
  type Reading,
  type ReadRequest,
  type Transport,
  TransportError,
} from "../../lib/core/mod.ts";
import { sunspec } from "../../lib/drivers/sunspec.ts";
import { Chance } from "../modbus/chance.ts";
import { capped, forever, type MemoryDevice } from "./memory_device.ts";
import { type Bench, bench } from "./model_bench.ts";

const BEHIND = 0.1;
const SILENT = 0.05;
const SESSIONS = 2500;
const READS = 5;

/** Answers now and then with what it answered before, be it registers or an exception, or not at all. */
class OneBehind implements Transport {
  readonly endpoint: string;
  readonly unitId: number;
  readonly #device: MemoryDevice;
  readonly #chance: Chance;
  #previous: Uint8Array | Error | undefined;

  constructor(device: MemoryDevice, chance: Chance) {
    this.endpoint = device.endpoint;
    this.unitId = device.unitId;
    this.#device = device;
    this.#chance = chance;
  }

  async readRegisters(request: ReadRequest, signal: AbortSignal): Promise<Uint8Array> {
    const own = await this.#device.readRegisters(request, signal)
      .catch((error: unknown) => error instanceof Error ? error : new Error(String(error)));
    const isBehind = this.#previous !== undefined && this.#chance.next() < BEHIND;
    const answer = isBehind ? this.#previous ?? own : own;
    this.#previous = own;
    if (this.#chance.next() < SILENT) throw new TransportError("no answer", "timeout");
    if (answer instanceof Error) throw answer;
    if (answer.length === request.quantity * 2) return answer;
    throw new ProtocolError("Not as many registers as were asked for");
  }
}

/** A device with its trackers counted and its chain ended. */
async function plant(cap: number): Promise<Bench> {
  const given = await bench([1, 103, 160], capped(cap, 3));
  const tracker = given.wants.at(-1)?.place ?? assert.fail("no model");
  given.device.registers.set(tracker.address + 8, 2);
  const end = tracker.address + tracker.length + 2;
  given.device.registers.set(end, 0xffff);
  given.device.registers.set(end + 1, 0);
  return given;
}

/** Reads a device some times over; what fails on its way is nothing. */
async function readings(transport: Transport, memory: object): Promise<readonly Reading[]> {
  const options: DeviceOptions = {
    memory,
    maxRegisters: 125,
    readAhead: 0,
    baseAddress: undefined,
    registers: false,
    models: undefined,
    modelsDir: undefined,
  };
  const found: Reading[] = [];
  try {
    const device = await sunspec.open(transport, options, forever);
    for (let i = 0; device && i < READS; i++) {
      found.push(...await device.read({ statics: i === 0 }, forever));
    }
  } catch (error) {
    if (!(error instanceof TransportError || error instanceof ModbusException)) throw error;
  }
  return found.filter(({ kind }) => kind === "reading");
}

type PointValue = readonly [name: string, value: unknown, isPlain: boolean];

/** By model and point. */
function valuesOf(readings: readonly Reading[]): readonly PointValue[] {
  return readings.flatMap(({ source, points }) =>
    points.map(({ name, value, text, quality }) =>
      [`${source.modelId}.${name}`, value ?? text, quality === null] as const
    )
  );
}

Deno.test("a device that is one answer behind never gives a value of another place", async (t) => {
  for (const cap of [20, 33, 50, 64, 125]) {
    await t.step(`at most ${cap} registers at once`, async () => {
      const chance = new Chance();
      const { device } = await plant(cap);
      const truth = new Map(
        valuesOf(await readings(device, {})).map(([name, value]) => [name, value]),
      );
      let memory = {};
      let compared = 0;
      for (let session = 0; session < SESSIONS; session++) {
        if (session % 12 === 0) memory = {};
        for (
          const [name, value, isPlain] of valuesOf(
            await readings(new OneBehind(device, chance), memory),
          )
        ) {
          if (!isPlain) continue;
          assert.equal(value, truth.get(name), `${name} (SEED=${chance.seed})`);
          compared++;
        }
      }
      assert.ok(compared > 0, "nothing was ever read");
    });
  }
});
