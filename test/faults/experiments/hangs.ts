import { join } from "node:path";
import { delay } from "../../../lib/backoff.ts";
import { SPEED } from "../../hangs.ts";
import { Chance } from "../../modbus/chance.ts";
import { ServiceManager } from "../../service_manager.ts";
import type { CollectorProcess } from "../collector_process.ts";
import { type Experiment, type ExperimentOptions, type Outcome, Violation } from "../experiment.ts";
import { compileShim } from "../shim.ts";
import { Site } from "../site.ts";

/** `WatchdogSec=60`, on the collector's clock and on ours. */
const WATCHDOG_US = 60_000_000;
const WATCHDOG_MS = WATCHDOG_US / 1000 / SPEED;
/** Pings are to cease long before: the slowest vital may take 150 s, which is 5 s here. */
const PATIENCE_MS = 45_000;
/** A collector that is broken on purpose pings for ever. */
const SABOTAGED_MS = 15_000;
/** What hangs before it ever pings has hung at its start. */
const START_MS = 5000;
/** `TimeoutAbortSec=`: what stands still does not hear SIGABRT. */
const ABORT_MS = 200;
/** Pings of two minutes. */
const OUTAGE_PINGS = 24;
const COMMITS = 6;
const LOOK_AGAIN_MS = 50;

/** As usual, on a clock that runs fast. */
const SETTINGS: Readonly<Record<string, unknown>> = {
  "buffer.commit_interval_ms": 20 * SPEED,
  "buffer.drain_interval_ms": 50 * SPEED,
  "poller.poll_interval_ms": 20 * SPEED,
  "modbus.timeout_ms": 1000 * SPEED,
};

/** A way to hang. */
interface Hang {
  /** As `hangOnSignal` and `serveHangingThread` name it. */
  readonly what: string;
  readonly isIsolated: boolean;
  /** The call on the disk that never comes back; it does so by itself. */
  readonly call?: "fsync" | "fdatasync";
  /** What makes it hang; left out: it needs nothing. */
  readonly signal?: Deno.Signal;
}

/** Only the vitals tell of these: the event loop runs on. */
const UNSEEN: readonly Hang[] = [
  { what: "append", isIsolated: false, signal: "SIGUSR1" },
  { what: "delivery", isIsolated: false, signal: "SIGUSR1" },
  { what: "supervisor", isIsolated: false, signal: "SIGUSR1" },
  { what: "thread_loop", isIsolated: true },
];
const HANGS: readonly Hang[] = [
  ...UNSEEN,
  { what: "loop", isIsolated: false, signal: "SIGUSR1" },
  { what: "nothing", isIsolated: false, signal: "SIGSTOP" },
  { what: "nothing", isIsolated: false, call: "fsync" },
  { what: "nothing", isIsolated: false, call: "fdatasync" },
  { what: "nothing", isIsolated: true, call: "fdatasync" },
];

const NO_HANG: Hang = { what: "nothing", isIsolated: false };

/** The collector hangs; the service manager, whom it no longer tells that it is well, starts it again. */
export const hangs: Experiment = {
  number: 25,
  name: "hangs, found by the watchdog",
  gateCycles: 4,
  fullCycles: 100,
  run,
};

async function run(options: ExperimentOptions): Promise<Outcome> {
  const { cycles, seed, sabotage, signal, log } = options;
  const chance = new Chance(seed);
  await using site = await Site.make({ sabotage: sabotage ? "always_well" : undefined });
  await using manager = new ServiceManager(join(site.folder, "notify"));
  const shim = await compileShim("failing_calls", site.folder);
  const hangFile = join(site.folder, "hang");
  const ways = sabotage ? UNSEEN : HANGS;
  for (let cycle = 0; cycle < cycles; cycle++) {
    signal.throwIfAborted();
    const { what, isIsolated, call, signal: kick } = ways[chance.below(ways.length)] ?? NO_HANG;
    await site.configure({ ...SETTINGS, "buffer.isolate": isIsolated });
    // An output that is away is no hang; only one that takes something can hang with it.
    const isOutage = !sabotage && call === undefined && what !== "delivery" &&
      chance.of(true, false);
    if (isOutage) await site.block();
    manager.heard.splice(0);
    await using collector = site.start({
      NOTIFY_SOCKET: manager.path,
      WATCHDOG_USEC: String(WATCHDOG_US),
      HANG: what,
      HANG_FILE: hangFile,
      ...call === undefined ? {} : {
        LD_PRELOAD: shim,
        DISK: site.disk,
        FAIL_CALL: call,
        FAIL_AT: String(1 + chance.below(30)),
        FAIL_TIMES: "1",
        FAIL_ERRNO: "0",
      },
    });
    if (call === undefined) {
      await collector.commits(1 + chance.below(COMMITS));
      site.recovered(collector);
      if (isOutage) await pingsOn(manager, collector);
      if (kick) collector.signal(kick);
      else await Deno.writeTextFile(hangFile, "");
    }
    if (!await fallsSilent(manager, sabotage ? SABOTAGED_MS : PATIENCE_MS)) {
      throw new Violation(`It hangs (${call ?? what}), and says that it is well`);
    }
    collector.signal("SIGABRT");
    await delay(ABORT_MS);
    await collector.kill();
    await Deno.remove(hangFile).catch(() => {});
    if (isOutage) await site.unblock();
  }
  await site.settle();
  return site.outcome(cycles, [await site.judgeFiles()], log);
}

/**
 * Waits for as many pings as two minutes have.
 *
 * @throws {Violation} when they do not come
 */
async function pingsOn(manager: ServiceManager, collector: CollectorProcess): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  const wanted = pingsOf(manager) + OUTAGE_PINGS;
  while (pingsOf(manager) < wanted) {
    if (performance.now() > giveUpAt || collector.code !== undefined) {
      throw new Violation(`An outage looks like a hang:\n${collector.log}`);
    }
    await delay(LOOK_AGAIN_MS);
  }
}

/** Whether pings cease; then the last one is as old as the watchdog allows. */
async function fallsSilent(manager: ServiceManager, patienceMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + patienceMs;
  let [pings, since] = [pingsOf(manager), performance.now()];
  while (performance.now() < giveUpAt) {
    const now = pingsOf(manager);
    if (now !== pings) [pings, since] = [now, performance.now()];
    const allowedMs = pings === 0 ? START_MS : WATCHDOG_MS;
    if (performance.now() - since >= allowedMs) return true;
    await delay(LOOK_AGAIN_MS);
  }
  return false;
}

function pingsOf({ heard }: ServiceManager): number {
  return heard.filter((line) => line === "WATCHDOG=1").length;
}
