import { deadline as startDeadline, pause, waitAtMost } from "../backoff.ts";
import type { BufferHandle } from "../buffer/mod.ts";
import { Clock, type ClockChange } from "../clock.ts";
import type { ClockState } from "../clock_state.ts";
import type { Drain, Stamper } from "../collect/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import { ConfigError, messageOf, type NewEntry, type Reading } from "../core/mod.ts";
import { sunspecDefinitions } from "../drivers/mod.ts";
import { type Health, serveMetrics } from "../http.ts";
import type { HttpListener } from "../http_listener.ts";
import type { Log } from "../log.ts";
import { Metrics } from "../metrics.ts";
import { readSecret } from "../secret.ts";
import type { StopSignals } from "../signals.ts";
import { connectNotifier } from "../systemd.ts";
import { VERSION } from "../version.ts";
import { eventEntry, openCollecting, retentionOf, stamperAfter, toEntry } from "./buffer.ts";
import { certificatesOf } from "./certificates.ts";
import { Capacity, humanTime } from "./capacity.ts";
import { drainsOf } from "./delivery.ts";
import { Fleet } from "./fleet.ts";
import { heartbeat } from "./heartbeat.ts";
import { Calls, hungVital, type Vital } from "./vitals.ts";

/** How often the buffer is trimmed. */
const TRIM_MS = 10_000;
/** The same until it can be told how long an outage the buffer holds. */
const FIRST_TRIM_MS = 500;
/** Polls wait while the buffer is trimmed. */
const LONGEST_TRIM_MS = 200;
/** What takes longer has hung: beyond any stall of storage that ends, any try of a delivery. */
const LIMIT_MS = { polling: 60_000, buffer: 60_000, delivery: 150_000 } as const;
/** A destination that does not answer is not waited for any longer when it is left. */
const CLOSE_MS = 1000;
/** What hangs at a stop is left behind after the deadline and so much more, or after a second signal. */
const STOP_MARGIN_MS = 2500;
const INSISTING_MS = 250;

const SET_ASIDE = "the buffer file was corrupt and is set aside; a new one is begun";

/** What a collector did, for its last line. */
export interface CollectorReport {
  readonly devices: number;
  /** Readings stored. */
  readonly readings: number;
  /** Readings delivered, by output. */
  readonly delivered: Readonly<Record<string, number>>;
  /** Readings each output still has to take. */
  readonly backlog: Readonly<Record<string, number>>;
}

/** Whoever holds the collector to its promise. */
export interface CollectorObserver {
  /** Told of readings once they are committed to the buffer, in the order of their positions. */
  committed(readings: readonly Reading[]): void;
}

/** Everything at once: devices polled, readings kept and delivered, until told to stop. */
export class Collector {
  readonly #config: Config;
  readonly #log: Log;
  readonly #observer: CollectorObserver | undefined;
  readonly #metrics = new Metrics({ version: VERSION, deno: Deno.version.deno });
  readonly #delivered: Record<string, number> = {};
  readonly #fatal = new AbortController();
  readonly #calls = new Calls();
  #isStopping = false;
  #readings = 0;
  #storeFailures = 0;

  /** Nothing is opened before `run`. */
  constructor(config: Config, log: Log, observer?: CollectorObserver) {
    this.#config = config;
    this.#log = log;
    this.#observer = observer;
  }

  /**
   * Collects until the first stop signal, then delivers what is left until the deadline.
   *
   * @param warnings what the log is to say once it begins
   * @throws {ConfigError} there is nothing to collect
   * @throws when the buffer cannot be used, at start or later
   */
  async run(signals: StopSignals, warnings: readonly string[] = []): Promise<CollectorReport> {
    const ended = new AbortController();
    try {
      const overdue = this.#overdue(signals, ended.signal);
      return await Promise.race([this.#collect(signals, warnings), overdue]);
    } finally {
      ended.abort();
    }
  }

  async #collect(signals: StopSignals, warnings: readonly string[]): Promise<CollectorReport> {
    const { get } = this.#config;
    this.#requireDevices();
    // A definition or certificate that cannot be used is told now, not by each device for ever.
    await sunspecDefinitions(get(settings.sunspec.modelsDir));
    certificatesOf(this.#config);
    const { buffer: opened, isIsolated } = await openCollecting(this.#config);
    await using buffer = opened;
    this.#announce(buffer, isIsolated);
    for (const warning of warnings) this.#log("warn", warning);
    // A failing disk ends it: the next start finds everything that was committed.
    buffer.broken.addEventListener("abort", () => this.#fatal.abort(buffer.broken.reason));
    using clock = await Clock.start({
      changed: (change) => this.#tellOfClock(buffer, change),
    });
    this.#tellOfDamage(buffer, clock);
    const stamper = await stamperAfter(buffer, clock);
    const drains = drainsOf(this.#config, buffer, this.#log, clock, {
      observeReadings: (output, result, count) => this.#count(output, result, count),
      observeBatch: (output, result, seconds) => this.#metrics.batch(output, result, seconds),
    });
    await using outputs = new AsyncDisposableStack();
    for (const { output } of drains) {
      outputs.defer(() => waitAtMost(CLOSE_MS, output[Symbol.asyncDispose]()));
    }
    const capacity = new Capacity(get(settings.buffer.maxBytes), performance.now());
    using fleet = this.#fleet(buffer, stamper, capacity);
    const stopping = AbortSignal.any([signals.stopping, this.#fatal.signal]);
    stopping.addEventListener("abort", () => {
      this.#isStopping = true;
      buffer.unblock();
    }, { once: true });
    const vitals = this.#vitals(fleet, drains);
    await using server = await this.#serve(buffer, fleet, drains, vitals);
    using notifier = connectNotifier((error) =>
      this.#log("warn", `cannot reach the service manager: ${messageOf(error)}`)
    );
    this.#log("info", "metrics are served", { address: `${server.address}:${server.port}` });
    notifier.notify("READY=1");
    const polling = fleet.run(stopping);
    const [lastStored, stopped] = [new AbortController(), new AbortController()];
    const delivering = drains.map((drain) => drain.run(lastStored.signal, stopped.signal));
    const around = [
      this.#trimAgainAndAgain(buffer, clock, capacity, stopping),
      heartbeat({
        notifier,
        vitals,
        status: () => statusOf(fleet, drains),
        observeLag: (seconds) => this.#metrics.eventLoopLag(seconds),
        log: this.#log,
      }, stopping),
    ];
    await Promise.all([polling, ...around]);
    notifier.notify("STOPPING=1");
    buffer.flush();
    lastStored.abort();
    if (buffer.broken.aborted) stopped.abort();
    await this.#deliverTheRest(delivering, stopped, signals.insisting);
    this.#fatal.signal.throwIfAborted();
    const { backlog } = await buffer.stats();
    return this.#report(fleet.supervisor.size, backlog);
  }

  #report(devices: number, backlog: CollectorReport["backlog"]): CollectorReport {
    return { devices, readings: this.#readings, delivered: this.#delivered, backlog };
  }

  /** Whatever hangs at a stop, the program ends: what is committed stays in the buffer. */
  async #overdue({ stopping, insisting }: StopSignals, ended: AbortSignal) {
    await aborted(stopping, this.#fatal.signal, ended);
    const ms = this.#config.get(settings.collect.drainDeadlineMs) + STOP_MARGIN_MS;
    using limit = startDeadline(ms, insisting, ended);
    await aborted(limit.signal);
    await pause(INSISTING_MS, ended);
    this.#fatal.signal.throwIfAborted();
    if (!ended.aborted) this.#log("error", "something hangs and is left behind");
    return this.#report(0, {});
  }

  #vitals(fleet: Fleet, drains: readonly Drain[]): readonly Vital[] {
    const { supervisor } = fleet;
    return [
      {
        name: "polling",
        limitMs: LIMIT_MS.polling,
        busyMs: () => performance.now() - supervisor.checkedAt,
      },
      { name: "the buffer", limitMs: LIMIT_MS.buffer, busyMs: () => this.#calls.busyMs },
      ...drains.map((drain) => ({
        name: `the delivery to ${drain.output.name}`,
        limitMs: LIMIT_MS.delivery,
        busyMs: () => drain.stuckMs,
      })),
    ];
  }

  #requireDevices(): void {
    const { get } = this.#config;
    const hasDevices = get(settings.devices).length > 0;
    if (hasDevices || get(settings.discovery.subnet).length > 0) return;
    throw new ConfigError(
      "There is nothing to collect: name [[devices]] or discovery.subnet in the configuration, as " +
        "made by: sunspool discover ENDPOINT --write-config",
    );
  }

  #announce(buffer: BufferHandle, isIsolated: boolean): void {
    const { get } = this.#config;
    this.#log("info", `sunspool ${VERSION} collects`, {
      collector: buffer.collector,
      config: this.#config.file ?? "none",
      buffer: get(settings.buffer.path),
      isolated: isIsolated,
      outputs: this.#config.outputs().map(({ name }) => name).join(","),
    });
  }

  /** Readings that cannot be counted any more: whoever reads the data is told all the same. */
  #tellOfDamage(buffer: BufferHandle, clock: Clock): void {
    const { setAside, damagedLog, hasForeignPositions } = buffer;
    const path = hasForeignPositions ? this.#config.get(settings.buffer.path) : undefined;
    for (
      const [event, file, text] of [
        ["buffer_set_aside", setAside, SET_ASIDE],
        ["buffer_log_damaged", damagedLog, "the last commits of the buffer cannot be read"],
        ["positions_changed", path, "positions of outputs are not those that the buffer wrote"],
      ] as const
    ) {
      if (file === undefined) continue;
      this.#log("error", text, { file, event });
      const told = `${text}: readings may be missing, see "${file}"`;
      this.#keepEvent(buffer, event, told, clock.synced);
    }
  }

  /** Whoever reads the data can put the times before right. */
  async #tellOfClock(buffer: BufferHandle, { event, stepSeconds, synced }: ClockChange) {
    const step = `${Math.abs(stepSeconds).toFixed(3)} s ${stepSeconds < 0 ? "back" : "forward"}`;
    const text = event === "clock_synced"
      ? `the clock is synchronised; it was set ${step} since it was last right, or since the start`
      : `the clock was set ${step}`;
    this.#log("warn", text, { event });
    await this.#keepEvent(buffer, event, text, synced);
  }

  async #keepEvent(buffer: BufferHandle, event: string, text: string, synced: ClockState) {
    try {
      await buffer.append([eventEntry(buffer.collector, event, text, synced)]);
    } catch (error) {
      this.#log("error", `events cannot be kept: ${messageOf(error)}`);
    }
  }

  #fleet(buffer: BufferHandle, stamper: Stamper, capacity: Capacity): Fleet {
    const metrics = this.#metrics;
    return new Fleet(this.#config, {
      store: (readings) => this.#store(buffer, stamper, capacity, readings),
      deviceId: (identity, place, isTaken) => buffer.deviceId(identity, place, isTaken),
      observeState: (device, state) => metrics.deviceState(device, state),
      observePoll: (device, result, seconds) => metrics.poll(device, result, seconds),
      observeChild: (device, result) => metrics.child(device, result),
      observeRequest: (device, result) => metrics.request(device, result),
      observePause: (endpoint, kind, seconds) => metrics.pause(endpoint, kind, seconds),
      forget: (device) => metrics.forgetDevice(device),
      log: this.#log,
    });
  }

  async #store(
    buffer: BufferHandle,
    stamper: Stamper,
    capacity: Capacity,
    readings: readonly Reading[],
  ) {
    for (const reading of readings) this.#countQualities(reading);
    const stamped = readings.map((reading) => stamper.stamp(reading));
    const entries = stamped.map(toEntry);
    capacity.add(entries);
    try {
      await this.#append(buffer, entries);
      this.#observer?.committed(stamped);
      this.#readings += entries.length;
      this.#storeFailures = 0;
    } catch (error) {
      const level = this.#storeFailures++ === 0 ? "error" : "debug";
      this.#log(level, `readings cannot be kept: ${messageOf(error)}`, { lost: entries.length });
    }
  }

  #countQualities({ device, points }: Reading): void {
    for (const { quality } of points) {
      if (quality !== null) this.#metrics.pointQuality(device.id, quality, 1);
    }
  }

  /** A full buffer that is asked to hold readings back may do so for the whole of an outage. */
  #append(buffer: BufferHandle, entries: readonly NewEntry[]): Promise<void> {
    const mayWait = this.#config.get(settings.buffer.whenFull) === "block";
    const stored = buffer.append(entries);
    if (this.#isStopping) buffer.flush();
    return mayWait ? stored : this.#calls.track(stored);
  }

  #count(output: string, result: string, count: number): void {
    this.#metrics.readings(output, result, count);
    if (result === "delivered" || result === "recovered") {
      this.#delivered[output] = (this.#delivered[output] ?? 0) + count;
    }
  }

  #serve(
    buffer: BufferHandle,
    fleet: Fleet,
    drains: readonly Drain[],
    vitals: readonly Vital[],
  ): Promise<HttpListener> {
    const { get } = this.#config;
    const { metrics } = settings;
    const health = (ok: boolean): Promise<Health> =>
      Promise.resolve({
        ok,
        detail: {
          devices: fleet.supervisor.states(),
          outputs: Object.fromEntries(drains.map(({ output, failures, lastError }) => [
            output.name,
            lastError === undefined ? "ok" : { failures, error: messageOf(lastError) },
          ])),
        },
      });
    return serveMetrics({
      address: get(metrics.address),
      port: get(metrics.port),
      token: readSecret({
        value: get(metrics.token),
        file: get(metrics.tokenFile),
        credential: "metrics_token",
      }),
      metrics: async (accept) => {
        this.#metrics.buffer(await buffer.stats(), Date.now());
        return await this.#metrics.render(accept);
      },
      healthy: () => health(hungVital(vitals) === undefined),
      ready: () => {
        const { polling, asleep } = fleet.supervisor.states();
        return health(polling + asleep > 0);
      },
    });
  }

  async #trimAgainAndAgain(
    buffer: BufferHandle,
    clock: Clock,
    capacity: Capacity,
    signal: AbortSignal,
  ): Promise<void> {
    let isCapacityTold = false;
    let lost: number | undefined;
    while (!await pause(isCapacityTold ? TRIM_MS : FIRST_TRIM_MS, signal)) {
      const seconds = capacity.seconds(performance.now());
      if (seconds !== undefined) {
        this.#metrics.capacity(seconds);
        if (!isCapacityTold) {
          this.#log("info", `the buffer holds an outage of ${humanTime(seconds)}`, {
            max_bytes: this.#config.get(settings.buffer.maxBytes),
          });
        }
        isCapacityTold = true;
      }
      try {
        const trim = buffer.trim(retentionOf(this.#config, clock.synced, LONGEST_TRIM_MS));
        await this.#calls.track(trim);
        const { dropped } = await this.#calls.track(buffer.stats());
        const count = dropped.reduce((sum, { count }) => sum + count, 0);
        if (lost !== undefined && count > lost) {
          this.#log("error", "readings were dropped undelivered; gap records say which and why", {
            dropped: count - lost,
            reasons: [...new Set(dropped.map(({ reason }) => reason))].join(","),
          });
        }
        lost = count;
      } catch (error) {
        this.#log("error", `the buffer cannot be trimmed: ${messageOf(error)}`);
      }
    }
  }

  async #deliverTheRest(
    delivering: readonly Promise<void>[],
    stopped: AbortController,
    insisting: AbortSignal,
  ): Promise<void> {
    using limit = startDeadline(this.#config.get(settings.collect.drainDeadlineMs), insisting);
    // The second signal may have come while the devices were being stopped.
    if (limit.signal.aborted) stopped.abort();
    limit.signal.addEventListener("abort", () => stopped.abort(), { once: true });
    await Promise.all(delivering);
  }
}

function statusOf({ supervisor }: Fleet, drains: readonly Drain[]): string {
  const failing = drains.filter(({ failures }) => failures > 0).map(({ output }) => output.name);
  const outputs = failing.length === 0 ? "delivering" : `${failing.join(", ")} not reachable`;
  const { polling, asleep } = supervisor.states();
  const sleepers = asleep === 0 ? "" : `, ${asleep} sleep`;
  return `${polling} of ${supervisor.size} devices answer${sleepers}, ${outputs}`;
}

/** Resolves when the first of these aborts. */
function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    }
  });
}
