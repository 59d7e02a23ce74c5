import { deadline as startDeadline, pause } from "../backoff.ts";
import { type SqliteBuffer, SqliteCode, sqliteCode } from "../buffer/mod.ts";
import { Clock, type ClockChange } from "../clock.ts";
import type { Drain, Stamper } from "../collect/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import { ConfigError, messageOf, type Reading } from "../core/mod.ts";
import { sunspecDefinitions } from "../drivers/mod.ts";
import { type Health, serveMetrics } from "../http.ts";
import type { HttpListener } from "../http_listener.ts";
import type { Log } from "../log.ts";
import { Metrics } from "../metrics.ts";
import { readSecret } from "../secret.ts";
import { connectNotifier, type Notifier } from "../systemd.ts";
import { VERSION } from "../version.ts";
import { eventEntry, openBuffer, retentionOf, stamperAfter, toEntry } from "./buffer.ts";
import { Capacity, humanTime } from "./capacity.ts";
import { drainsOf } from "./delivery.ts";
import { Fleet } from "./fleet.ts";
import type { StopSignals } from "./signals.ts";

/** How often the buffer is trimmed. */
const TRIM_MS = 10_000;
/** How often the event loop is measured, and how often the status is told. */
const TICK_MS = 500;
const STATUS_MS = 10_000;
/** A delivery that takes longer than this has hung. */
const STUCK_MS = 120_000;

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
   * @throws {ConfigError} there is nothing to collect
   * @throws when the buffer cannot be used, at start or later
   */
  async run(signals: StopSignals): Promise<CollectorReport> {
    const { get } = this.#config;
    this.#requireDevices();
    // A definition that cannot be used is told now, not by each device for ever.
    await sunspecDefinitions(get(settings.sunspec.modelsDir));
    await using buffer = openBuffer(this.#config, "collect");
    this.#announce(buffer);
    using clock = await Clock.start({
      changed: (change) => this.#tellOfClock(buffer, change),
    });
    const stamper = await stamperAfter(buffer, clock);
    const drains = drainsOf(this.#config, buffer, this.#log, clock, {
      observeReadings: (output, result, count) => this.#count(output, result, count),
      observeBatch: (output, result, seconds) => this.#metrics.batch(output, result, seconds),
    });
    await using outputs = new AsyncDisposableStack();
    for (const { output } of drains) outputs.use(output);
    const capacity = new Capacity(get(settings.buffer.maxBytes), performance.now());
    using fleet = this.#fleet(buffer, stamper, capacity);
    const stopping = AbortSignal.any([signals.stopping, this.#fatal.signal]);
    stopping.addEventListener("abort", () => buffer.unblock(), { once: true });
    await using server = await this.#serve(buffer, fleet, drains);
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
      this.#tellAgainAndAgain(notifier, fleet, drains, stopping),
    ];
    await Promise.all([polling, ...around]);
    notifier.notify("STOPPING=1");
    buffer.flush();
    lastStored.abort();
    await this.#deliverTheRest(delivering, stopped, signals.insisting);
    this.#fatal.signal.throwIfAborted();
    const { backlog } = await buffer.stats();
    return {
      devices: fleet.supervisor.size,
      readings: this.#readings,
      delivered: this.#delivered,
      backlog,
    };
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

  #announce(buffer: SqliteBuffer): void {
    const { get } = this.#config;
    if (buffer.setAside !== undefined) {
      this.#log("error", "the buffer file was corrupt and is set aside; a new one is begun", {
        file: buffer.setAside,
      });
    }
    this.#log("info", `sunspool ${VERSION} collects`, {
      collector: buffer.collector,
      config: this.#config.file ?? "none",
      buffer: get(settings.buffer.path),
      outputs: this.#config.outputs().map(({ name }) => name).join(","),
    });
  }

  /** Whoever reads the data can put the times before right. */
  async #tellOfClock(buffer: SqliteBuffer, { event, stepSeconds, synced }: ClockChange) {
    const step = `${Math.abs(stepSeconds).toFixed(3)} s ${stepSeconds < 0 ? "back" : "forward"}`;
    const text = event === "clock_synced"
      ? `the clock is synchronised; it was set ${step} since it was last right, or since the start`
      : `the clock was set ${step}`;
    this.#log("warn", text, { event });
    try {
      await buffer.append([eventEntry(buffer.collector, event, text, synced)]);
    } catch (error) {
      this.#log("error", `events cannot be kept: ${messageOf(error)}`);
    }
  }

  #fleet(buffer: SqliteBuffer, stamper: Stamper, capacity: Capacity): Fleet {
    const metrics = this.#metrics;
    return new Fleet(this.#config, {
      store: (readings) => this.#store(buffer, stamper, capacity, readings),
      deviceId: (identity, place, isTaken) => buffer.deviceId(identity, place, isTaken),
      observeState: (device, state) => metrics.deviceState(device, state),
      observePoll: (device, result, seconds) => metrics.poll(device, result, seconds),
      observeRequest: (device, result) => metrics.request(device, result),
      forget: (device) => metrics.forgetDevice(device),
      log: this.#log,
    });
  }

  async #store(
    buffer: SqliteBuffer,
    stamper: Stamper,
    capacity: Capacity,
    readings: readonly Reading[],
  ) {
    for (const reading of readings) this.#countQualities(reading);
    const stamped = readings.map((reading) => stamper.stamp(reading));
    const entries = stamped.map(toEntry);
    capacity.add(entries);
    try {
      await buffer.append(entries);
      this.#observer?.committed(stamped);
      this.#readings += entries.length;
      this.#storeFailures = 0;
    } catch (error) {
      this.#metrics.dropped("*", "buffer_error", entries.length);
      const level = this.#storeFailures++ === 0 ? "error" : "debug";
      this.#log(level, `readings cannot be kept: ${messageOf(error)}`, { lost: entries.length });
      // After a failed write or sync SQLite may be wrong about what is on disk: begin anew.
      const code = sqliteCode(error);
      if (code === SqliteCode.ioError || code === SqliteCode.corrupt) this.#fatal.abort(error);
    }
  }

  #countQualities({ device, points }: Reading): void {
    for (const { quality } of points) {
      if (quality !== null) this.#metrics.pointQuality(device.id, quality, 1);
    }
  }

  #count(output: string, result: string, count: number): void {
    this.#metrics.readings(output, result, count);
    if (result === "delivered" || result === "recovered") {
      this.#delivered[output] = (this.#delivered[output] ?? 0) + count;
    }
  }

  #serve(buffer: SqliteBuffer, fleet: Fleet, drains: readonly Drain[]): Promise<HttpListener> {
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
      healthy: () => health(stuck(drains) === undefined),
      ready: () => {
        const { polling, asleep } = fleet.supervisor.states();
        return health(polling + asleep > 0);
      },
    });
  }

  async #trimAgainAndAgain(
    buffer: SqliteBuffer,
    clock: Clock,
    capacity: Capacity,
    signal: AbortSignal,
  ): Promise<void> {
    let isCapacityTold = false;
    while (!await pause(isCapacityTold ? TRIM_MS : TICK_MS, signal)) {
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
        const { dropped } = await buffer.trim(retentionOf(this.#config, clock.synced));
        if (dropped === 0) continue;
        this.#metrics.dropped("*", "retention", dropped);
        this.#log("error", "the buffer is full or old: undelivered readings were dropped", {
          dropped,
        });
      } catch (error) {
        this.#log("error", `the buffer cannot be trimmed: ${messageOf(error)}`);
      }
    }
  }

  async #tellAgainAndAgain(
    notifier: Notifier,
    fleet: Fleet,
    drains: readonly Drain[],
    signal: AbortSignal,
  ): Promise<void> {
    let dueAt = performance.now() + TICK_MS;
    let statusAt = Number.NEGATIVE_INFINITY;
    let watchdogAt = Number.NEGATIVE_INFINITY;
    while (!await pause(TICK_MS, signal)) {
      const now = performance.now();
      this.#metrics.eventLoopLag(Math.max(now - dueAt, 0) / 1000);
      dueAt = now + TICK_MS;
      const { polling, asleep } = fleet.supervisor.states();
      if (now - statusAt >= STATUS_MS) {
        statusAt = now;
        const failing = drains.filter(({ failures }) => failures > 0).map(({ output }) =>
          output.name
        );
        const outputs = failing.length === 0 ? "delivering" : `${failing.join(", ")} not reachable`;
        const sleepers = asleep === 0 ? "" : `, ${asleep} sleep`;
        notifier.notify(
          `STATUS=${polling} of ${fleet.supervisor.size} devices answer${sleepers}, ${outputs}`,
        );
      }
      const hasHung = stuck(drains);
      if (hasHung !== undefined) this.#log("error", "the delivery hangs", { output: hasHung });
      else if (notifier.watchdogMs !== undefined && now - watchdogAt >= notifier.watchdogMs) {
        watchdogAt = now;
        notifier.notify("WATCHDOG=1");
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

/** The output whose delivery has hung, if one has. */
function stuck(drains: readonly Drain[]): string | undefined {
  return drains.find(({ stuckMs }) => stuckMs > STUCK_MS)?.output.name;
}
