import type { BufferHandle } from "../buffer/mod.ts";
import type { Stamper } from "../collect/mod.ts";
import { messageOf, type Reading } from "../core/mod.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { toEntry } from "./buffer.ts";
import type { Calls } from "./vitals.ts";

/** Whoever holds the collector to its promise. */
export interface CollectorObserver {
  /** Told of readings once they are committed to the buffer, in the order of their positions. */
  committed(readings: readonly Reading[]): void;
}

/** What readings pass on their way into the buffer. */
export interface StoringPorts {
  readonly buffer: BufferHandle;
  readonly stamper: Stamper;
  readonly calls: Calls;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly observer: CollectorObserver | undefined;
  /** A full buffer that is asked to hold readings back may do so for the whole of an outage. */
  readonly mayWait: boolean;
}

/** Puts what devices say into the buffer. */
export class Storing {
  readonly #ports: StoringPorts;
  #isStopping = false;
  #count = 0;
  #failures = 0;

  /** Nothing is stored before `store`. */
  constructor(ports: StoringPorts) {
    this.#ports = ports;
  }

  /** How many readings were stored. */
  get stored(): number {
    return this.#count;
  }

  /** From now on nothing waits for others to share its commit, or for room. */
  stop(): void {
    this.#isStopping = true;
    this.#ports.buffer.unblock();
  }

  /** Takes the readings of one poll; resolves when they are safe, or lost and told of. */
  store(readings: readonly Reading[]): Promise<void> {
    const { buffer, stamper, observer } = this.#ports;
    for (const reading of readings) this.#countQualities(reading);
    const stamped = readings.map((reading) => stamper.stamp(reading));
    const stored = buffer.append(stamped.map(toEntry));
    if (this.#isStopping) buffer.flush();
    const tell = observer && telling(observer, stamped);
    // Hundreds of devices wait here at once: what nobody needs any more must not wait with them.
    return this.#settle(stored, readings.length, tell);
  }

  async #settle(stored: Promise<void>, count: number, tell: (() => void) | undefined) {
    const { calls, mayWait } = this.#ports;
    const call = mayWait ? undefined : calls.begin();
    try {
      await stored;
      tell?.();
      this.#count += count;
      this.#failures = 0;
    } catch (error) {
      const level = this.#failures++ === 0 ? "error" : "debug";
      this.#ports.log(level, `readings cannot be kept: ${messageOf(error)}`, { lost: count });
    } finally {
      if (call) calls.end(call);
    }
  }

  #countQualities({ device, points }: Reading): void {
    for (const { quality } of points) {
      if (quality !== null) this.#ports.metrics.pointQuality(device.id, quality, 1);
    }
  }
}

function telling(observer: CollectorObserver, readings: readonly Reading[]): () => void {
  return () => observer.committed(readings);
}
