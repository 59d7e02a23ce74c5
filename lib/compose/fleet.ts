import { pause } from "../backoff.ts";
import { type PollerPorts, type PollerState, type PollTarget, Supervisor } from "../collect/mod.ts";
import { type Config, type DeviceConfig, settings } from "../config/mod.ts";
import type { Device, Endpoint, Reading } from "../core/mod.ts";
import { formatEndpoint } from "../core/mod.ts";
import type { Log } from "../log.ts";
import { type PauseKind, Sessions } from "../modbus/mod.ts";
import { parseTargets, sweep } from "../scan/mod.ts";
import {
  deviceOptions,
  openDevice,
  ownSessionOptions,
  requireDevice,
  sessionOptions,
  unitIdList,
} from "./devices.ts";
import { SEARCH_MS } from "./search.ts";

/** What the fleet does with what it reads, and whom it tells. */
export interface FleetPorts {
  /** Takes the readings of one poll; resolves when they are safe. */
  store(readings: readonly Reading[]): Promise<void>;
  /** The id a device keeps for ever. */
  deviceId(identity: string, place: string, isTaken: boolean): Promise<string>;
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
  readonly log: Log;
}

/** Where one device is, and what the configuration says of it. */
interface Member {
  readonly endpoint: Endpoint;
  readonly unitId: number;
  readonly device: DeviceConfig | undefined;
  /** What is learned of its device hangs on it. */
  readonly memory: object;
}

/** All devices: those in the configuration, and those that the search finds. */
export class Fleet implements Disposable {
  readonly supervisor: Supervisor;
  readonly #config: Config;
  readonly #ports: FleetPorts;
  readonly #sessions: Sessions;
  readonly #members = new Map<string, Member>();
  /** The id that the device at each place was given last. */
  readonly #ids = new Map<string, string | undefined>();
  #naming: Promise<unknown> = Promise.resolve();

  /** Nothing is connected before `run`. */
  constructor(config: Config, ports: FleetPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#sessions = new Sessions({
      ...sessionOptions(config),
      onLearned: (endpoint, kind, ms) => this.#tellPause(endpoint, kind, ms),
    });
    this.supervisor = new Supervisor({
      portsOf: (target) => this.#pollerPorts(target),
      reset: ({ place }) => this.#reset(place),
      log: ports.log,
    });
  }

  /** Polls until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for (const device of this.#config.get(settings.devices)) {
      for (const unitId of device.unitIds) {
        this.#add({ endpoint: device.endpoint, unitId, device, memory: {} });
      }
    }
    await Promise.all([this.supervisor.run(signal), this.#searchAgainAndAgain(signal)]);
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    this.#sessions[Symbol.dispose]();
  }

  #add(member: Member): void {
    const { get } = this.#config;
    const place = placeOf(member);
    this.#members.set(place, member);
    this.supervisor.add({
      place,
      label: member.device?.name,
      pollIntervalMs: member.device?.pollIntervalMs ?? get(settings.poller.pollIntervalMs),
      jitterMs: get(settings.poller.jitterMs),
    });
  }

  #session({ endpoint, device }: Member) {
    return this.#sessions.get(endpoint, ownSessionOptions(device));
  }

  #tellPause(endpoint: string, kind: PauseKind, ms: number): void {
    this.#ports.observePause(endpoint, kind, ms / 1000);
    const key = kind === "connect" ? "connect_delay_ms" : "inter_read_delay_ms";
    this.#ports.log("info", `a device needs a pause: ${key} = ${ms} from now on`, { endpoint });
  }

  #reset(place: string): void {
    const member = this.#members.get(place);
    if (member) this.#sessions.drop(member.endpoint);
  }

  #pollerPorts({ place }: PollTarget): PollerPorts {
    const member = this.#members.get(place);
    if (!member) throw new Error(`Nobody knows "${place}"`);
    let label = place;
    /** Devices behind this one answer when it does, and not when it does not. */
    let children: readonly string[] = [];
    const observe = (result: string) => this.#ports.observeRequest(label, result);
    const options = deviceOptions(this.#config, member.device, member.memory);
    return {
      connect: (signal) => this.#session(member).connect(signal, observe),
      open: (signal) =>
        requireDevice(this.#session(member).unit(member.unitId, { observe }), options, signal),
      name: async (device) => {
        const ids = await this.#name(device, place);
        for (const known of [label, ...children]) {
          if (!ids.includes(known)) this.#ports.forget(known);
        }
        label = ids[0] ?? place;
        children = ids.slice(1);
        return ids;
      },
      store: (readings) => this.#ports.store(readings),
      observeState: (device, state) => {
        for (const id of [device, ...children]) this.#ports.observeState(id, state);
      },
      observePoll: (device, result, seconds) => {
        this.#ports.observePoll(device, result, seconds);
        for (const child of children) this.#ports.observeChild(child, result);
      },
      log: this.#ports.log,
      random: Math.random,
      now: Date.now,
    };
  }

  /** One after the other: of twins that are found at once, one is the first. */
  #name(device: Device, place: string): Promise<readonly string[]> {
    const named = this.#naming.then(() => this.#nameAll(device, place));
    this.#naming = named.catch(() => {});
    return named;
  }

  /** Ids of a device and its children; a live twin elsewhere keeps the plain one. */
  async #nameAll(device: Device, place: string): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const { id: identity } of [device.identity, ...device.children]) {
      const id = await this.#ports.deviceId(identity, place, this.#isTaken(identity, place));
      ids.push(id);
      if (id === identity) continue;
      this.#ports.log("warn", "two devices call themselves the same; this one gets another id", {
        identity,
        device: id,
        place,
      });
    }
    this.#ids.set(place, ids[0]);
    return ids;
  }

  /** Whether a device other than the one at `place` is live under this id. */
  #isTaken(id: string, place: string): boolean {
    return [...this.#ids].some(([other, taken]) =>
      taken === id && other !== place && this.supervisor.isLive(other)
    );
  }

  async #searchAgainAndAgain(signal: AbortSignal): Promise<void> {
    const { discovery } = settings;
    const subnet = this.#config.get(discovery.subnet);
    if (subnet.length === 0) return;
    const everyMs = this.#config.get(discovery.rescanIntervalS) * 1000;
    do {
      await this.#search(subnet, signal).catch((error) => {
        if (!signal.aborted) {
          this.#ports.log("error", "the search failed", { error: String(error) });
        }
      });
    } while (everyMs > 0 && !await pause(everyMs, signal));
  }

  async #search(subnet: readonly string[], signal: AbortSignal): Promise<void> {
    const { get } = this.#config;
    const { discovery } = settings;
    const targets = parseTargets(subnet, [], [get(discovery.port)]);
    const options = deviceOptions(this.#config);
    const unknown = [...targets.endpoints()].filter((endpoint) => !this.#sessions.has(endpoint));
    let found = 0;
    const counts = await sweep({
      endpoints: unknown,
      unitIds: unitIdList(get(discovery.unitIds)),
      firstOnly: false,
      concurrency: get(discovery.maxConcurrency),
      connectTimeoutMs: get(discovery.perHostTimeoutMs),
      sessions: this.#sessions,
      open: (transport, stop) => openDevice(transport, options, stop),
      withinMs: SEARCH_MS,
      onProgress: () => {},
      onLeft: (endpoint, { length: left }) =>
        this.#ports.log("warn", "the search had no time for all unit ids", {
          endpoint: formatEndpoint(endpoint),
          left,
        }),
      onFound: ({ endpoint, unitId, device }) => {
        if (!device) return;
        found++;
        this.#add({ endpoint, unitId, device: undefined, memory: {} });
      },
    }, signal);
    this.#ports.log("info", "searched for devices", {
      subnet: subnet.join(","),
      tried: counts.done,
      found,
    });
  }
}

function placeOf({ endpoint, unitId }: Pick<Member, "endpoint" | "unitId">): string {
  return `${formatEndpoint(endpoint)}/${unitId}`;
}
