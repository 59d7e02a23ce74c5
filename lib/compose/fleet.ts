import {
  Alarm,
  type PollerPorts,
  type PollerState,
  type PollTarget,
  Supervisor,
} from "../collect/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import { type Endpoint, formatEndpoint, type Reading } from "../core/mod.ts";
import { type PauseKind, Sessions } from "../modbus/mod.ts";
import { DeviceNames, type DeviceNamesPorts } from "./device_names.ts";
import { deviceOptions, requireDevice, sessionOptions } from "./devices.ts";
import { searchAgainAndAgain } from "./fleet_search.ts";
import { isSame, type Member, membersOf, placeOf, searchedBy } from "./members.ts";

/** What the fleet does with what it reads, and whom it tells. */
export interface FleetPorts extends DeviceNamesPorts {
  /** Takes the readings of one poll; resolves when they are safe. */
  store(readings: readonly Reading[]): Promise<void>;
  /** Told of each change of state. */
  observeState(device: string, state: PollerState): void;
  /** Told of each poll. */
  observePoll(device: string, result: string, seconds: number): void;
  /** Told of each poll of the device that this one sits behind. */
  observeChild(device: string, result: string): void;
  /** Told of each Modbus request. */
  observeRequest(device: string, result: string): void;
  /** Told of each pause that the devices at an endpoint turned out to need. */
  observePause(endpoint: string, kind: PauseKind, seconds: number): void;
  /** A device is known under another name from now on. */
  forget(device: string): void;
}

/** What has changed for all devices at once. */
export interface FleetChange {
  /** How all of them are read. */
  readonly isRebuilt: boolean;
  /** Where and how they are searched. */
  readonly isSearchOther: boolean;
}

/** A device, until it is removed. */
interface Seat {
  readonly member: Member;
  isTaken: boolean;
}

/** All devices: those in the configuration, and those that the search finds. */
export class Fleet implements Disposable {
  readonly supervisor: Supervisor;
  readonly #ports: FleetPorts;
  readonly #seats = new Map<string, Seat>();
  readonly #names: DeviceNames;
  readonly #alarm = new Alarm();
  #config: Config;
  #sessions: Sessions;
  readonly #unfinished = new Set<string>();
  #search: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  /** Nothing is connected before `run`. */
  constructor(config: Config, ports: FleetPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#sessions = this.#newSessions();
    this.supervisor = new Supervisor({
      portsOf: (target) => this.#pollerPorts(target),
      reset: ({ place }) => this.#reset(place),
      log: ports.log,
    });
    this.#names = new DeviceNames(ports, (place) => this.supervisor.isLive(place));
  }

  /** Polls until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for (const member of membersOf(this.#config)) this.#add(member);
    this.#beginSearch(signal);
    await this.supervisor.run(signal);
    await this.#endSearch();
  }

  /**
   * Polls by another configuration from now on. Devices of which it says the same are not disturbed;
   * the others leave once their poll is stored.
   *
   * @param signal that of `run`
   * @returns how many devices came, left and changed
   */
  async reload(config: Config, change: FleetChange, signal: AbortSignal) {
    if (change.isRebuilt || change.isSearchOther) await this.#endSearch();
    const named = new Map(membersOf(config).map((member) => [placeOf(member), member]));
    const isSearched = searchedBy(config);
    const members = [...this.#seats].map(([place, { member }]) => ({
      place,
      member,
      next: named.get(place) ?? (isSearched(member) ? foundAt(member) : undefined),
    }));
    const leaving = members.filter(({ member, next }) =>
      change.isRebuilt || !next || !isSame(member, next)
    );
    await Promise.all(leaving.map(({ place }) => this.#remove(place)));
    this.#config = config;
    if (change.isRebuilt) this.#renewSessions();
    else this.#dropUnused(leaving.map(({ member }) => member.endpoint));
    const back = leaving.flatMap(({ next }) => next ?? []);
    const fresh = [...named.values()].filter((member) =>
      !members.some(({ place }) => place === placeOf(member))
    );
    if (!signal.aborted) {
      for (const member of [...back, ...fresh]) this.#add(member);
      if (!this.#search) this.#beginSearch(signal);
    }
    return { added: fresh.length, removed: leaving.length - back.length, changed: back.length };
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    this.#sessions[Symbol.dispose]();
  }

  #newSessions(): Sessions {
    return new Sessions({
      ...sessionOptions(this.#config),
      onLearned: (endpoint, kind, ms) => this.#tellPause(endpoint, kind, ms),
    });
  }

  #renewSessions(): void {
    this.#sessions[Symbol.dispose]();
    this.#sessions = this.#newSessions();
  }

  /** Closes the connections that nobody uses any more. */
  #dropUnused(endpoints: readonly Endpoint[]): void {
    const used = new Set(
      [...this.#seats.values()].map(({ member }) => formatEndpoint(member.endpoint)),
    );
    for (const endpoint of endpoints) {
      if (!used.has(formatEndpoint(endpoint))) this.#sessions.drop(endpoint);
    }
  }

  #beginSearch(signal: AbortSignal): void {
    const stop = new AbortController();
    const done = searchAgainAndAgain({
      config: this.#config,
      sessions: this.#sessions,
      unfinished: this.#unfinished,
      log: this.#ports.log,
      found: (endpoint, unitId) => this.#add(foundAt({ endpoint, unitId })),
    }, AbortSignal.any([signal, stop.signal]));
    this.#search = { stop, done };
  }

  async #endSearch(): Promise<void> {
    this.#search?.stop.abort();
    await this.#search?.done;
    this.#search = undefined;
  }

  async #remove(place: string): Promise<void> {
    await this.supervisor.remove(place);
    for (const id of this.#names.forget(place)) this.#ports.forget(id);
    const seat = this.#seats.get(place);
    if (seat) seat.isTaken = false;
    this.#seats.delete(place);
  }

  #add(member: Member): void {
    const { get } = this.#config;
    const place = placeOf(member);
    if (this.#seats.has(place)) return;
    this.#seats.set(place, { member, isTaken: true });
    this.supervisor.add({
      place,
      label: member.device?.name,
      pollIntervalMs: member.device?.pollIntervalMs ?? get(settings.poller.pollIntervalMs),
      jitterMs: get(settings.poller.jitterMs),
    });
  }

  #session({ endpoint, session }: Member) {
    return this.#sessions.get(endpoint, session);
  }

  #tellPause(endpoint: string, kind: PauseKind, ms: number): void {
    this.#ports.observePause(endpoint, kind, ms / 1000);
    const key = kind === "connect" ? "connect_delay_ms" : "inter_read_delay_ms";
    this.#ports.log("info", `a device needs a pause: ${key} = ${ms} from now on`, { endpoint });
  }

  #reset(place: string): void {
    const member = this.#seats.get(place)?.member;
    if (member) this.#sessions.drop(member.endpoint);
  }

  #pollerPorts({ place }: PollTarget): PollerPorts {
    const seat = this.#seats.get(place);
    if (!seat) throw new Error(`Nobody knows "${place}"`);
    const { member } = seat;
    let label = place;
    /** Devices behind this one answer when it does, and not when it does not. */
    let children: readonly string[] = [];
    // A poll that was given up may come to its end when somebody else is here.
    const observe = (result: string) => {
      if (seat.isTaken) this.#ports.observeRequest(label, result);
    };
    const options = deviceOptions(this.#config, member.device, member.memory);
    return {
      connect: (signal) => this.#session(member).connect(signal, observe),
      open: (signal) =>
        requireDevice(this.#session(member).unit(member.unitId, { observe }), options, signal),
      name: async (device) => {
        const ids = await this.#names.name(device, place);
        for (const known of [label, ...children]) {
          if (!ids.includes(known)) this.#ports.forget(known);
        }
        label = ids[0] ?? place;
        children = ids.slice(1);
        return ids;
      },
      store: (readings) => this.#ports.store(readings),
      observeState: (device, state) => {
        if (!seat.isTaken) return;
        for (const id of [device, ...children]) this.#ports.observeState(id, state);
      },
      observePoll: (device, result, seconds) => {
        if (!seat.isTaken) return;
        this.#ports.observePoll(device, result, seconds);
        for (const child of children) this.#ports.observeChild(child, result);
      },
      alarm: this.#alarm,
      log: this.#ports.log,
      random: Math.random,
      now: Date.now,
    };
  }
}

/** A device that the configuration says nothing of. */
function foundAt({ endpoint, unitId }: Pick<Member, "endpoint" | "unitId">): Member {
  return { endpoint, unitId, device: undefined, session: {}, memory: {} };
}
