import { backoff, pause } from "../backoff.ts";
import {
  type Device,
  messageOf,
  ModbusException,
  type Reading,
  TransportError,
} from "../core/mod.ts";
import type { Log } from "../log.ts";
import { type Alarm, Sleeper } from "./alarm.ts";
import { Schedule } from "./schedule.ts";

/** Where a poller stands; `asleep` = its device said it goes to rest, and has been silent since. */
export type PollerState =
  | "disconnected"
  | "connected"
  | "discovering"
  | "polling"
  | "backoff"
  | "asleep";

/** What is polled, and how often. */
export interface PollTarget {
  /** `192.0.2.7:502/1`: names the target before its device has said who it is. */
  readonly place: string;
  /** What people call it, for the log; undefined = nothing. */
  readonly label?: string | undefined;
  /** Time between two polls. */
  readonly pollIntervalMs: number;
  /** Polls come up to this much later, by chance. */
  readonly jitterMs: number;
}

/** How a poller reaches its device and what it does with the readings. */
export interface PollerPorts {
  /**
   * Connects to the endpoint.
   *
   * @throws {TransportError}
   */
  connect(signal: AbortSignal): Promise<void>;
  /**
   * Finds out what device answers.
   *
   * @throws {TransportError} none does, or none that a driver knows
   */
  open(signal: AbortSignal): Promise<Device>;
  /** Gives the ids under which readings of a device are known: its own, then its children's. */
  name(device: Device): Promise<readonly string[]>;
  /** Takes the readings of one poll; resolves when they are safe. */
  store(readings: readonly Reading[]): Promise<void>;
  /** Told of each change of state. */
  observeState(device: string, state: PollerState): void;
  /** Told of each poll. */
  observePoll(device: string, result: string, seconds: number): void;
  /** Wakes it for its polls. */
  readonly alarm: Alarm;
  /** Where its log lines go. */
  readonly log: Log;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** For how long readings may be on their way to the disk before polling waits for them. */
const LONGEST_STORE_MS = 10_000;
/** How often nameplates are read again. */
const STATICS_EVERY_MS = 3_600_000;
const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 60_000;
/** A device that said it rests and was not heard of for so long is not asleep. */
const LONGEST_SLEEP_MS = 24 * 3_600_000;

/** Readings on their way to the disk. */
interface Storing {
  /** When they were handed on, on the clock of `performance.now()`. */
  readonly since: number;
  /** Resolves in any case. */
  readonly done: Promise<void>;
}

/**
 * Polls one device for ever: a device that is absent, asleep or restarted is tried again until it
 * answers.
 */
export class Poller {
  /** What it polls. */
  readonly target: PollTarget;
  readonly #ports: PollerPorts;
  #state: PollerState = "disconnected";
  #device: string;
  #failures = 0;
  /** What the device said with its last readings. */
  #isResting = false;
  #heardAt = Number.NEGATIVE_INFINITY;
  #progressAt = performance.now();
  /** Readings on their way to the disk, the oldest first. */
  readonly #storing: Storing[] = [];
  #storeFailure: { readonly error: unknown } | undefined;
  #isHeldBack = false;

  /** Nothing happens before `run`. */
  constructor(target: PollTarget, ports: PollerPorts) {
    this.target = target;
    this.#ports = ports;
    this.#device = target.place;
  }

  /** Where it stands. */
  get state(): PollerState {
    return this.#state;
  }

  /** The device's id, or its place until that is known. */
  get device(): string {
    return this.#device;
  }

  /** Whether it waits for readings to be stored; then nothing is wrong with its device. */
  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  /** When it last finished anything, on the clock of `performance.now()`. */
  get progressAt(): number {
    return this.#progressAt;
  }

  /**
   * Polls until the signal aborts.
   *
   * @param leaving ends it too, but only once the poll that is under way is stored
   */
  async run(signal: AbortSignal, leaving: AbortSignal = signal): Promise<void> {
    while (!leaving.aborted) {
      this.#enter("disconnected");
      try {
        await this.#pollWhileItLasts(signal, leaving);
      } catch (error) {
        if (leaving.aborted) break;
        this.#report(error);
        this.#enter(this.#isAsleep(error) ? "asleep" : "backoff");
        await pause(this.#backoff(), leaving);
        this.#failures++;
      }
    }
    this.#isResting = false;
    await Promise.all(this.#storing.map(({ done }) => done));
    this.#enter("disconnected");
  }

  #isAsleep(error: unknown): boolean {
    this.#isResting &&= isOfTheWire(error) && performance.now() - this.#heardAt < LONGEST_SLEEP_MS;
    return this.#isResting;
  }

  #backoff(): number {
    const initialMs = Math.min(FIRST_BACKOFF_MS, this.target.pollIntervalMs);
    const { random } = this.#ports;
    return backoff(this.#failures, { initialMs, maxMs: LONGEST_BACKOFF_MS, random });
  }

  async #pollWhileItLasts(signal: AbortSignal, leaving: AbortSignal): Promise<void> {
    const { pollIntervalMs: intervalMs, jitterMs } = this.target;
    const { random, now, alarm } = this.#ports;
    using sleeper = new Sleeper(alarm, leaving);
    // Hundreds begin at once: they take their turns from the first.
    await sleeper.sleep(0);
    await this.#ports.connect(leaving);
    this.#enter("connected");
    this.#enter("discovering");
    await using device = await this.#ports.open(leaving);
    const ids = await this.#ports.name(device);
    this.#device = ids[0] ?? this.target.place;
    for (const warning of device.warnings) {
      this.#ports.log("warn", warning, { device: this.#device });
    }
    const schedule = new Schedule({ intervalMs, jitterMs, random, now });
    let staticsAt = Number.NEGATIVE_INFINITY;
    for (;;) {
      const statics = performance.now() - staticsAt >= STATICS_EVERY_MS;
      await this.#poll(device, ids, statics, signal);
      if (statics) staticsAt = performance.now();
      if (this.#state !== "polling") this.#settle(device);
      await sleeper.sleep(schedule.next());
      this.#throwStoreFailure();
    }
  }

  async #poll(device: Device, ids: readonly string[], statics: boolean, signal: AbortSignal) {
    const startedAt = performance.now();
    const read = await device.read({ statics }, signal);
    const readings = read.map((reading) => named(reading, device, ids));
    for (const reading of read) if (reading.kind === "event") this.#tell(reading);
    this.#progressAt = performance.now();
    this.#heardAt = this.#progressAt;
    this.#isResting = device.isResting ?? false;
    this.#ports.observePoll(this.#device, "ok", (this.#progressAt - startedAt) / 1000);
    this.#store(readings);
    if (this.#isStalled) await this.#waitForStorage();
  }

  /** Storage that stalls for a while delays no poll. */
  #store(readings: readonly Reading[]): void {
    const end = () => void this.#storing.splice(this.#storing.indexOf(storing), 1);
    const done = this.#ports.store(readings).then(end, (error) => {
      this.#storeFailure ??= { error };
      end();
    });
    const storing = { done, since: this.#progressAt };
    this.#storing.push(storing);
  }

  get #isStalled(): boolean {
    const [oldest] = this.#storing;
    return oldest !== undefined && performance.now() - oldest.since >= LONGEST_STORE_MS;
  }

  async #waitForStorage(): Promise<void> {
    this.#isHeldBack = true;
    while (this.#isStalled) await this.#storing[0]?.done;
    this.#isHeldBack = false;
    this.#progressAt = performance.now();
  }

  #throwStoreFailure(): void {
    const failure = this.#storeFailure;
    this.#storeFailure = undefined;
    if (failure) throw failure.error;
  }

  #tell({ device, points }: Reading): void {
    const text = (name: string) => points.find((point) => point.name === name)?.text ?? "";
    this.#ports.log("warn", text("message"), { device: device.id, event: text("event") });
  }

  /** The first good poll after a start or a failure. */
  #settle(device: Device): void {
    this.#enter("polling");
    const models = device.sources.map(({ modelId, name }) => modelId ?? name).join(",");
    this.#ports.log("info", this.#failures > 0 ? "device is back" : "device found", {
      device: this.#device,
      place: this.target.place,
      ...(this.target.label === undefined ? {} : { name: this.target.label }),
      models,
    });
    this.#failures = 0;
  }

  #report(error: unknown): void {
    const fields = { device: this.#device, tries: this.#failures + 1 };
    if (this.#isAsleep(error)) {
      this.#ports.observePoll(this.#device, "asleep", 0);
      if (this.#state !== "asleep") this.#ports.log("info", "device went to sleep", fields);
      else this.#ports.log("debug", messageOf(error), fields);
      return;
    }
    this.#ports.observePoll(this.#device, resultOf(error), 0);
    const isNew = this.#failures === 0 || this.#state === "asleep";
    const level = isNew || !isOfTheWire(error) ? "warn" : "debug";
    this.#ports.log(level, messageOf(error), fields);
  }

  /** Looking whether a device is awake yet does not wake it. */
  #isSleptThrough(state: PollerState): boolean {
    return this.#isResting && this.#state === "asleep" && TRYING.has(state);
  }

  #enter(state: PollerState): void {
    this.#progressAt = performance.now();
    if (state === this.#state || this.#isSleptThrough(state)) return;
    this.#state = state;
    this.#ports.observeState(this.#device, state);
    this.#ports.log("debug", `device is ${state}`, { device: this.#device });
  }
}

/** The states of each try on the way to a good poll or a failure. */
const TRYING: ReadonlySet<PollerState> = new Set(["disconnected", "connected", "discovering"]);

function isOfTheWire(error: unknown): boolean {
  return error instanceof TransportError || error instanceof ModbusException;
}

function resultOf(error: unknown): string {
  if (error instanceof TransportError) return error.fault;
  return error instanceof ModbusException ? `exception_${error.code}` : "failed";
}

/**
 * The reading under the ids its device and its children are known by.
 *
 * @param ids the device's own, then its children's
 */
export function named(reading: Reading, device: Device, ids: readonly string[]): Reading {
  const { identity, children } = device;
  const child = children.indexOf(reading.device);
  const id = ids[child + 1] ?? reading.device.id;
  const parent = reading.device.parent === null ? null : ids[0] ?? identity.id;
  if (id === reading.device.id && parent === reading.device.parent) return reading;
  return { ...reading, device: { ...reading.device, id, parent } };
}
