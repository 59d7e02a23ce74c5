import { pause, waitAtMost } from "../backoff.ts";
import { messageOf } from "../core/mod.ts";
import type { Log } from "../log.ts";
import { Poller, type PollerPorts, type PollerState, type PollTarget } from "./poller.ts";

/** How targets are polled, and what is done with one that hangs. */
export interface SupervisorPorts {
  /** Makes the ports of a target. */
  portsOf(target: PollTarget): PollerPorts;
  /** Drops whatever a hanging target holds, so that its next poller starts afresh. */
  reset(target: PollTarget): void;
  /** Where its log lines go. */
  readonly log: Log;
}

/** How often pollers are looked at. */
const CHECK_MS = 5000;
/** A poller has hung when it finished nothing for so long … */
const STALL_MS = 90_000;
/** … and for so many of its intervals. */
const STALL_INTERVALS = 3;

/** How long the last poll of a device that is removed may take, and to give it up. */
const LEAVE_MS = 10_000;
const STOP_MS = 1000;

interface Supervised {
  readonly poller: Poller;
  readonly leave: AbortController;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** Keeps one poller a target alive. */
export class Supervisor {
  readonly #ports: SupervisorPorts;
  readonly #pollers = new Map<string, Supervised>();
  /** At their last poll. */
  readonly #leaving = new Set<Supervised>();
  #replaced = 0;
  #checkedAt = performance.now();

  /** Nothing is polled before `add`. */
  constructor(ports: SupervisorPorts) {
    this.#ports = ports;
  }

  /** How many pollers had to be replaced. */
  get replaced(): number {
    return this.#replaced;
  }

  /** When it last looked at its pollers, on the clock of `performance.now()`. */
  get checkedAt(): number {
    return this.#checkedAt;
  }

  /** Begins to poll a target; a place that is polled already is left alone. */
  add(target: PollTarget): boolean {
    if (this.#pollers.has(target.place)) return false;
    this.#start(target);
    return true;
  }

  /**
   * Ends the polling of a place, once the poll that is under way is stored. A poll that does not come
   * to an end is given up.
   */
  async remove(place: string): Promise<void> {
    const supervised = this.#pollers.get(place);
    if (!supervised) return;
    this.#pollers.delete(place);
    this.#leaving.add(supervised);
    const done = supervised.done.then(() => void this.#leaving.delete(supervised));
    supervised.leave.abort();
    await waitAtMost(LEAVE_MS, done);
    supervised.stop.abort();
    await waitAtMost(STOP_MS, done);
  }

  /** Whether a place is polled. */
  has(place: string): boolean {
    return this.#pollers.has(place);
  }

  /** How many targets there are in each state. */
  states(): Readonly<Record<PollerState, number>> {
    const counts: Record<PollerState, number> = {
      disconnected: 0,
      connected: 0,
      discovering: 0,
      polling: 0,
      backoff: 0,
      asleep: 0,
    };
    for (const { poller } of this.#pollers.values()) counts[poller.state]++;
    return counts;
  }

  /** How many targets there are. */
  get size(): number {
    return this.#pollers.size;
  }

  /** Whether the device at a place is live. */
  isLive(place: string): boolean {
    const state = this.#pollers.get(place)?.poller.state;
    return state === "polling" || state === "discovering";
  }

  /** Replaces pollers that hang, until the signal aborts; then stops all. */
  async run(signal: AbortSignal): Promise<void> {
    while (!await pause(CHECK_MS, signal)) this.check(performance.now());
    const all = [...this.#pollers.values(), ...this.#leaving];
    for (const supervised of all) end(supervised);
    await Promise.all(all.map(({ done }) => done));
  }

  /** Replaces the pollers that had hung at `now`, on the clock of `performance.now()`. */
  check(now: number): void {
    const wasStopped = now - this.#checkedAt > STALL_MS / 2;
    this.#checkedAt = now;
    // The whole process stood still, or stalled: no poller could make progress either.
    if (wasStopped) return;
    for (const supervised of [...this.#pollers.values()]) {
      const { poller } = supervised;
      const { target } = poller;
      const limit = Math.max(STALL_MS, STALL_INTERVALS * target.pollIntervalMs);
      // Another poller would find the buffer as full, or as slow, and fill the memory meanwhile.
      if (now - poller.progressAt < limit || poller.isHeldBack) continue;
      this.#ports.log("error", "a poller made no progress and is replaced", {
        device: poller.device,
        place: target.place,
        state: poller.state,
      });
      this.#replaced++;
      end(supervised);
      this.#ports.reset(target);
      this.#start(target);
    }
  }

  #start(target: PollTarget): void {
    const poller = new Poller(target, this.#ports.portsOf(target));
    const [leave, stop] = [new AbortController(), new AbortController()];
    const done = poller.run(stop.signal, leave.signal).catch((error) => {
      // Nothing of a device's may end its poller; should it, it is replaced like one that hangs.
      this.#ports.log("error", `a poller failed: ${messageOf(error)}`, { place: target.place });
    });
    this.#pollers.set(target.place, { poller, leave, stop, done });
  }
}

function end({ leave, stop }: Supervised): void {
  leave.abort();
  stop.abort();
}
