import { pause } from "../backoff.ts";
import type { BufferHandle } from "../buffer/mod.ts";
import type { Clock } from "../clock.ts";
import { type Config, settings } from "../config/mod.ts";
import { messageOf } from "../core/mod.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { retentionOf } from "./buffer.ts";
import { type Capacity, humanTime } from "./capacity.ts";
import type { Calls } from "./vitals.ts";

/** How often the buffer is trimmed. */
const TRIM_MS = 10_000;
/** The same until it can be told how long an outage the buffer holds. */
const FIRST_TRIM_MS = 500;
/** Polls wait while the buffer is trimmed. */
const LONGEST_TRIM_MS = 200;

/** What is trimmed, by what, and who is told. */
export interface TrimmingPorts {
  readonly buffer: BufferHandle;
  readonly clock: Clock;
  readonly capacity: Capacity;
  readonly calls: Calls;
  readonly metrics: Metrics;
  readonly log: Log;
  /** As it is now. */
  config(): Config;
}

/** Trims the buffer by its retention until the signal aborts, and tells how much it holds. */
export async function trimAgainAndAgain(ports: TrimmingPorts, signal: AbortSignal): Promise<void> {
  const { buffer, clock, capacity, calls, metrics, log, config } = ports;
  let isCapacityTold = false;
  let lost: number | undefined;
  while (!await pause(isCapacityTold ? TRIM_MS : FIRST_TRIM_MS, signal)) {
    try {
      const trim = buffer.trim(retentionOf(config(), clock.synced, LONGEST_TRIM_MS));
      await calls.track(trim);
      const { dropped, stored } = await calls.track(buffer.stats());
      const seconds = capacity.seconds(stored, performance.now());
      if (seconds !== undefined) {
        metrics.capacity(seconds);
        if (!isCapacityTold) {
          log("info", `the buffer holds an outage of ${humanTime(seconds)}`, {
            max_bytes: config().get(settings.buffer.maxBytes),
          });
        }
        isCapacityTold = true;
      }
      const count = dropped.reduce((sum, { count }) => sum + count, 0);
      if (lost !== undefined && count > lost) {
        log("error", "readings were dropped undelivered; gap records say which and why", {
          dropped: count - lost,
          reasons: [...new Set(dropped.map(({ reason }) => reason))].join(","),
        });
      }
      lost = count;
    } catch (error) {
      log("error", `the buffer cannot be trimmed: ${messageOf(error)}`);
    }
  }
}
