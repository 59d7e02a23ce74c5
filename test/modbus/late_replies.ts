import assert from "node:assert/strict";
import {
  type Endpoint,
  ModbusException,
  type ReadRequest,
  TransportError,
} from "../../lib/core/mod.ts";
import { exceptionOf, readPdu } from "../../lib/modbus/frame.ts";
import type { OpenLink } from "../../lib/modbus/link.ts";
import { LinkOpener } from "../../lib/modbus/open.ts";
import type { Chance } from "./chance.ts";
import { forever, OPTIONS } from "./loopback_sessions.ts";
import { type BusDevice, telling } from "./slow_bus.ts";

/** How long is waited for an answer. */
export const QUICK_MS = 25;

/** What {@linkcode telling} registers hold. */
export function expected(unitId: number, request: ReadRequest): string {
  return telling(unitId, readPdu(request)).subarray(2).toHex();
}

/** Reads over one link after the other, without what a session learns of slow devices. */
export class Reader implements Disposable {
  readonly #opener: LinkOpener;
  #link: OpenLink | undefined;

  constructor(endpoint: Endpoint) {
    this.#opener = new LinkOpener(endpoint);
  }

  /** The registers in hex. */
  async read(unitId: number, request: ReadRequest, timeoutMs = QUICK_MS): Promise<string> {
    if (!this.#link?.isOpen) {
      const options = { transactionId: 0, timeoutMs: OPTIONS.connectTimeoutMs, signal: forever };
      this.#link = await this.#opener.open(options);
    }
    const reply = await this.#link.exchange({
      unitId,
      pdu: readPdu(request),
      timeoutMs,
      signal: forever,
      onStale() {},
    });
    const exception = exceptionOf(reply, unitId, request);
    if (exception) throw exception;
    return reply.subarray(2).toHex();
  }

  [Symbol.dispose](): void {
    this.#link?.close();
  }
}

/** A device that loses, refuses and delays by chance, by more than one time-out at times. */
export function unreliable(chance: Chance): BusDevice {
  return (unitId, pdu) => {
    const isLost = chance.next() < 0.1;
    const isRefused = chance.next() < 0.1;
    const afterMs = chance.of(0, 0, 0, 2, QUICK_MS * 1.2, QUICK_MS * 2.2, QUICK_MS * 3.5);
    const answer = isRefused ? Uint8Array.of((pdu[0] ?? 0) | 0x80, 2) : telling(unitId, pdu);
    return { pdu: isLost ? undefined : answer, afterMs };
  };
}

/** Reads again and again; every value that is accepted must be the one that was asked for. */
export async function assertNeverWrong(
  reader: Reader,
  chance: Chance,
  rounds: number,
): Promise<void> {
  const seen = { right: 0, timeout: 0, other: 0, exception: 0 };
  for (let round = 0; round < rounds; round++) {
    const unitId = chance.of(1, 1, 2);
    // Two quantities only: a reply that is taken for another one would look right.
    const [address, quantity] = [chance.below(200), chance.of(1, 2)];
    const request = { functionCode: 3, address, quantity } as const;
    try {
      const got = await reader.read(unitId, request);
      if (got !== expected(unitId, request)) {
        throw chance.failure(round, `${got} for ${unitId} ${JSON.stringify(request)}`);
      }
      seen.right++;
    } catch (error) {
      if (error instanceof ModbusException) seen.exception++;
      else if (error instanceof TransportError) {
        seen[error.fault === "timeout" ? "timeout" : "other"]++;
      } else throw error;
    }
  }
  assert.ok(seen.right > 0 && seen.timeout > 0, JSON.stringify(seen));
}
