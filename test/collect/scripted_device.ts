import { Alarm, type PollerPorts, type PollTarget } from "../../lib/collect/mod.ts";
import type { Device, DeviceIdentity, Reading } from "../../lib/core/mod.ts";
import { FULL } from "../avro/sample_readings.ts";
import type { FakeClock } from "./fake_clock.ts";

/** What is polled. */
export const TARGET: PollTarget = { place: "192.0.2.7:502/1", pollIntervalMs: 1000, jitterMs: 0 };

/** How one device calls itself. */
export function identity(id: string, parent: string | null = null): DeviceIdentity {
  return { ...FULL.device, id, parent };
}

/** What may go wrong, or take for ever, at each step; undefined = nothing. */
export interface Script {
  connect?: () => Promise<void> | undefined;
  open?: () => Promise<void> | undefined;
  read?: () => Promise<void> | undefined;
  store?: () => Promise<void> | undefined;
}

/** A device whose every step is written down, and fails as its script says. */
export class ScriptedDevice {
  script: Script = {};
  /** Everything that happened since it was last asked for, as `1000 read`. */
  #journal: string[] = [];
  /** The readings of each poll, as they were stored. */
  readonly stored: (readonly Reading[])[] = [];
  readonly logged: (readonly [string, string])[] = [];
  readonly observed: (readonly [string, string])[] = [];
  /** How often it was opened and not closed again. */
  openCount = 0;
  /** What it says of itself with its readings. */
  isResting = false;
  identity: DeviceIdentity = identity("Helio-1");
  children: readonly DeviceIdentity[] = [];
  names: readonly string[] | undefined;
  /** Readings that come with the next poll. */
  events: readonly Reading[] = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** What happened since the last time. */
  takeJournal(): string[] {
    return this.#journal.splice(0);
  }

  /** A poller's surroundings; no chance. */
  readonly ports: PollerPorts = {
    connect: async () => {
      this.#note("connect");
      await this.script.connect?.();
    },
    open: async () => {
      this.#note("open");
      await this.script.open?.();
      return this.#open();
    },
    name: (device) =>
      Promise.resolve(this.names ?? [device.identity, ...device.children].map(({ id }) => id)),
    store: async (readings) => {
      this.#note(`store ${readings.length}`);
      await this.script.store?.();
      this.stored.push(readings);
    },
    observeState: (_device, state) => this.#note(state),
    observePoll: (device, result) => this.observed.push([device, result]),
    alarm: new Alarm(),
    log: (level, message) => this.logged.push([level, message]),
    random: () => 0,
    now: () => this.#clock.now(),
  };

  #open(): Device {
    this.openCount++;
    const { identity, children } = this;
    const isResting = () => this.isResting;
    return {
      get isResting() {
        return isResting();
      },
      identity,
      children,
      sources: [FULL.source],
      warnings: ["L is 49 instead of 50"],
      read: (options) => this.#read(options.statics, [identity, ...children]),
      snapshot: () => Promise.reject(new Error("Not of use here")),
      [Symbol.asyncDispose]: () => {
        this.openCount--;
        this.#note("close");
        return Promise.resolve();
      },
    };
  }

  async #read(
    statics: boolean,
    devices: readonly DeviceIdentity[],
  ): Promise<readonly Reading[]> {
    this.#note(statics ? "read all" : "read");
    await this.script.read?.();
    return [...devices.map((device) => ({ ...FULL, device })), ...this.events];
  }

  #note(what: string): void {
    this.#journal.push(`${Math.round(this.#clock.elapsed)} ${what}`);
  }
}

/** Never comes to an end. */
export function hang(): Promise<void> {
  return new Promise(() => {});
}
