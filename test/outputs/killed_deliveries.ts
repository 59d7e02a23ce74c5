import assert from "node:assert/strict";
import type { OutputType } from "../../lib/core/mod.ts";
import { delay } from "../../lib/backoff.ts";
import { Child } from "../buffer/child_process.ts";
import { Chance } from "../modbus/chance.ts";
import { Delivery } from "./delivery.ts";
import type { Found } from "./kcat.ts";
import { lookup } from "./lookup.ts";

/** What is delivered, and where to. */
export interface KilledDeliveries {
  readonly type: OutputType;
  readonly settings: Readonly<Record<string, unknown>>;
  /** A folder for the buffer. */
  readonly folder: string;
  readonly topic: string;
  readonly collector: string;
  readonly cycles: number;
  /** What a reader finds there. */
  read(): Promise<Found[]>;
  /** Called after each kill. */
  check?(): Promise<void>;
}

const PROGRAM = new URL("./child.ts", import.meta.url);
const ROWS = 4000;

/**
 * Has a process deliver thousands of readings that is killed again and again at any moment, lets
 * the last one finish, and checks that each reading is there once and in order.
 */
export async function deliverUnderKills(options: KilledDeliveries): Promise<void> {
  const { type, settings, folder, topic, collector, cycles } = options;
  const path = `${folder}/buffer.sqlite`;
  const texts = Array.from({ length: ROWS }, (_, i) => String(i + 1));
  const at = { type, get: lookup(settings), path, collector, topic };
  {
    await using delivery = new Delivery(at);
    await delivery.append(...texts);
  }
  const args = [type.name, path, collector, topic, JSON.stringify(settings)];
  const chance = new Chance();
  for (let cycle = 1; cycle <= cycles; cycle++) {
    await using child = new Child(PROGRAM, ...args);
    const lines = 1 + chance.below(20);
    for (let i = 0; i < lines; i++) assert.ok(await child.line(), "it ended by itself");
    // Anywhere between two commits.
    await delay(chance.below(25));
    child.kill();
    await child.rest();
    await options.check?.();
  }
  {
    await using child = new Child(PROGRAM, ...args);
    assert.equal((await child.rest()).at(-1), "empty");
  }
  const found = await options.read();
  try {
    assert.deepEqual(found.map(({ position }) => position), texts.map(Number));
    assert.deepEqual(found.map(({ text }) => text), texts);
    assert.equal(new Set(found.map(({ epoch }) => epoch)).size, 1);
  } catch (cause) {
    throw chance.failure(cycles, cause);
  }
}
