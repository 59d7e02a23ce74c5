import assert from "node:assert/strict";
import {
  ModbusException,
  type NetworkEndpoint,
  type ReadRequest,
  type Transport,
  TransportError,
} from "../../lib/core/mod.ts";
import type { SessionOptions } from "../../lib/modbus/mod.ts";
import { replaced } from "./replaced.ts";

/** The answer to {@linkcode REQUEST}. */
export const RIGHT = "TTTT 0000 0007 01 03 04 000B 000C";
/** A reply of another unit. */
export const JUNK = "TTTT 0000 0007 02 03 04 1E61 1E61";
/** Two holding registers at 0. */
export const REQUEST: ReadRequest = { functionCode: 3, address: 0, quantity: 2 };
/** For what must end before it. */
export const LONG_MS = 20_000;
/** For what only it can end. */
export const SHORT_MS = 30;

/** No retries, no waits, no chance. */
export const OPTIONS: SessionOptions = {
  connectTimeoutMs: LONG_MS,
  requestTimeoutMs: LONG_MS,
  retryCount: 0,
  retryBackoffMs: 1,
  retryMaxBackoffMs: 1,
  connectDelayMs: 0,
  interReadDelayMs: 0,
  session: "hold",
  random: () => 0,
};

const { signal } = new AbortController();

/** A signal that never aborts. */
export const forever: AbortSignal = signal;

/** A port on loopback. */
export function at(port: number): NetworkEndpoint {
  return { scheme: "tcp", host: "127.0.0.1", port };
}

/** The registers in hex, or what went wrong. */
export async function read(transport: Transport, request = REQUEST): Promise<string> {
  try {
    return (await transport.readRegisters(request, forever)).toHex();
  } catch (error) {
    if (error instanceof ModbusException) return `exception ${error.code}`;
    assert.ok(error instanceof TransportError, String(error));
    return error.fault;
  }
}

/** Waits are recorded and over at once, but for deadlines. */
export function recordWaits(waits: number[]): Disposable {
  const wait = setTimeout;
  return replaced(globalThis, "setTimeout", (callback: () => void, ms: number) => {
    if (ms !== LONG_MS) waits.push(ms);
    return wait(callback, ms === LONG_MS ? ms : 0);
  });
}

/** A clock that stands still unless it is moved. */
export function stopClock(): { now: number } & Disposable {
  const clock = { now: 1_000_000 };
  const stopped = replaced(performance, "now", () => clock.now);
  return Object.assign(clock, { [Symbol.dispose]: () => stopped[Symbol.dispose]() });
}
