import { pause } from "../backoff.ts";
import type { Log } from "../log.ts";
import type { Notifier } from "../systemd.ts";
import { hungVital, type Vital } from "./vitals.ts";

/** What the heartbeat looks at, and whom it tells. */
export interface HeartbeatPorts {
  readonly notifier: Notifier;
  /** All of them have to make progress, or the service manager hears nothing more. */
  readonly vitals: readonly Vital[];
  /** One line for people: what the service is at. */
  status(): string;
  /** Told how late the event loop was, in seconds. */
  observeLag(seconds: number): void;
  readonly log: Log;
}

/** How often the event loop is measured and the vitals are looked at, and how often the status is told. */
const TICK_MS = 500;
const STATUS_MS = 10_000;

/** Tells the service manager that there is progress, as long as there is, until the signal aborts. */
export async function heartbeat(ports: HeartbeatPorts, signal: AbortSignal): Promise<void> {
  const { notifier, vitals, status, observeLag, log } = ports;
  let dueAt = performance.now() + TICK_MS;
  let statusAt = Number.NEGATIVE_INFINITY;
  let pingAt = Number.NEGATIVE_INFINITY;
  let hung: Vital | undefined;
  while (!await pause(TICK_MS, signal)) {
    const now = performance.now();
    observeLag(Math.max(now - dueAt, 0) / 1000);
    dueAt = now + TICK_MS;
    if (now - statusAt >= STATUS_MS) {
      statusAt = now;
      notifier.notify(`STATUS=${status()}`);
    }
    const before = hung;
    hung = hungVital(vitals);
    if (hung && hung !== before) {
      const seconds = Math.round(hung.busyMs() / 1000);
      log("error", `${hung.name} hangs: no progress for ${seconds} s`);
    }
    if (hung || notifier.watchdogMs === undefined || now - pingAt < notifier.watchdogMs) continue;
    pingAt = now;
    notifier.notify("WATCHDOG=1");
  }
}
