import { aborted, deadline as startDeadline, pause } from "../backoff.ts";
import type { BufferHandle } from "../buffer/mod.ts";
import { Clock } from "../clock.ts";
import { type Config, formatShard, settings } from "../config/mod.ts";
import { messageOf } from "../core/mod.ts";
import type { Log } from "../log.ts";
import { Metrics } from "../metrics.ts";
import type { StopSignals } from "../signals.ts";
import { connectNotifier, type Notifier } from "../systemd.ts";
import { VERSION } from "../version.ts";
import { adopt, type AdoptionPorts } from "./adoption.ts";
import { openCollecting, stamperAfter } from "./buffer.ts";
import { Capacity } from "./capacity.ts";
import { certificateEnds } from "./certificates.ts";
import { ConfigState } from "./config_changes.ts";
import { Deliveries } from "./deliveries.ts";
import { type DeliveryPorts, drainsOf } from "./delivery.ts";
import { Events } from "./events.ts";
import { Fleet } from "./fleet.ts";
import { heartbeat } from "./heartbeat.ts";
import { servePages } from "./pages.ts";
import { reloadAgainAndAgain, type ReloadSource } from "./reload.ts";
import { type CollectorObserver, Storing } from "./storing.ts";
import { trimAgainAndAgain } from "./trimming.ts";
import { requireUsable } from "./usable.ts";
import { Calls, type Vital } from "./vitals.ts";

/** What takes longer has hung: beyond any stall of storage that ends. */
const LIMIT_MS = { polling: 60_000, buffer: 60_000 } as const;
/** What hangs at a stop is left behind after the deadline and so much more, or after a second signal. */
const STOP_MARGIN_MS = 2500;
const INSISTING_MS = 250;

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

/** Who has to know of another configuration. */
type Working = Omit<AdoptionPorts, "use" | "fail"> & { readonly notifier: Notifier };

/** Everything at once: devices polled, readings kept and delivered, until told to stop. */
export class Collector {
  readonly #log: Log;
  readonly #observer: CollectorObserver | undefined;
  readonly #metrics = new Metrics({ version: VERSION, deno: Deno.version.deno });
  readonly #delivered: Record<string, number> = {};
  readonly #fatal = new AbortController();
  readonly #calls = new Calls();
  #state: ConfigState;
  #storing: Storing | undefined;

  /** Nothing is opened before `run`. */
  constructor(config: Config, log: Log, observer?: CollectorObserver) {
    this.#state = new ConfigState(config);
    this.#log = log;
    this.#observer = observer;
  }

  get #config(): Config {
    return this.#state.config;
  }

  /**
   * Collects until the first stop signal, then delivers what is left until the deadline.
   *
   * @param warnings what the log is to say once it begins
   * @param reload where another configuration comes from while it runs
   * @throws {ConfigError} there is nothing to collect
   * @throws when the buffer cannot be used, at start or later
   */
  async run(
    signals: StopSignals,
    warnings: readonly string[] = [],
    reload?: ReloadSource,
  ): Promise<CollectorReport> {
    const ended = new AbortController();
    try {
      const overdue = this.#overdue(signals, ended.signal);
      return await Promise.race([this.#collect(signals, warnings, reload), overdue]);
    } finally {
      ended.abort();
    }
  }

  async #collect(
    signals: StopSignals,
    warnings: readonly string[],
    reload: ReloadSource | undefined,
  ): Promise<CollectorReport> {
    const { get } = this.#config;
    const log = this.#log;
    const metrics = this.#metrics;
    const calls = this.#calls;
    await requireUsable(this.#config);
    const { buffer: opened, isIsolated } = await openCollecting(this.#config);
    await using buffer = opened;
    this.#announce(buffer, isIsolated);
    for (const warning of warnings) log("warn", warning);
    // A failing disk ends it: the next start finds everything that was committed.
    buffer.broken.addEventListener("abort", () => this.#fatal.abort(buffer.broken.reason));
    const events = new Events(buffer, log);
    using clock = await Clock.start({ changed: (change) => events.tellOfClock(change) });
    events.tellOfDamage(get(settings.buffer.path), clock.synced);
    const stamper = await stamperAfter(buffer, clock);
    const delivery = this.#deliveryPorts(buffer, clock);
    const drains = drainsOf(this.#config, delivery);
    await using deliveries = new Deliveries();
    const capacity = new Capacity(get(settings.buffer.maxBytes), performance.now());
    const mayWait = get(settings.buffer.whenFull) === "block";
    const observer = this.#observer;
    const ports = { buffer, stamper, calls, metrics, log, observer, mayWait };
    const storing = this.#storing = new Storing(ports);
    using fleet = this.#fleet(buffer, storing);
    const stopping = AbortSignal.any([signals.stopping, this.#fatal.signal]);
    stopping.addEventListener("abort", () => storing.stop(), { once: true });
    const { supervisor } = fleet;
    const vitals = this.#vitals(fleet, deliveries);
    const told = { buffer, clock, supervisor, metrics, vitals, deliveries };
    await using server = await servePages(this.#config, told);
    using notifier = connectNotifier((error) =>
      log("warn", `cannot reach the service manager: ${messageOf(error)}`)
    );
    log("info", "metrics are served", { address: `${server.address}:${server.port}` });
    metrics.configRead(true);
    metrics.certificates(certificateEnds(this.#config));
    notifier.notify("READY=1");
    const polling = fleet.run(stopping);
    deliveries.add(drains);
    const config = () => this.#config;
    const working = { fleet, deliveries, delivery, notifier };
    const around = [
      trimAgainAndAgain({ buffer, clock, capacity, calls, metrics, log, config }, stopping),
      heartbeat({
        notifier,
        vitals,
        status: () => statusOf(fleet, deliveries),
        observeLag: (seconds) => metrics.eventLoopLag(seconds),
        log,
      }, stopping),
      reload && this.#reloadAgainAndAgain(reload, working, stopping),
    ];
    await Promise.all([polling, ...around]);
    notifier.notify("STOPPING=1");
    buffer.flush();
    const withinMs = this.#config.get(settings.collect.drainDeadlineMs);
    await deliveries.finish(withinMs, buffer.broken, signals.insisting);
    this.#fatal.signal.throwIfAborted();
    const { backlog } = await buffer.stats();
    return this.#report(supervisor.size, backlog);
  }

  #report(devices: number, backlog: CollectorReport["backlog"]): CollectorReport {
    const readings = this.#storing?.stored ?? 0;
    return { devices, readings, delivered: this.#delivered, backlog };
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

  #vitals({ supervisor }: Fleet, deliveries: Deliveries): readonly Vital[] {
    return [
      {
        name: "polling",
        limitMs: LIMIT_MS.polling,
        busyMs: () => performance.now() - supervisor.checkedAt,
      },
      { name: "the buffer", limitMs: LIMIT_MS.buffer, busyMs: () => this.#calls.busyMs },
      deliveries.vital,
    ];
  }

  #announce(buffer: BufferHandle, isIsolated: boolean): void {
    const { get } = this.#config;
    const shard = get(settings.collect.shard);
    this.#log("info", `sunspool ${VERSION} collects`, {
      collector: buffer.collector,
      config: this.#config.file ?? "none",
      buffer: get(settings.buffer.path),
      ...(shard ? { shard: formatShard(shard) } : {}),
      isolated: isIsolated,
      outputs: this.#config.outputs().map(({ name }) => name).join(","),
    });
  }

  #fleet(buffer: BufferHandle, storing: Storing): Fleet {
    const metrics = this.#metrics;
    return new Fleet(this.#config, {
      store: (readings) => storing.store(readings),
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

  #deliveryPorts(buffer: BufferHandle, clock: Clock): DeliveryPorts {
    return {
      buffer,
      clock,
      log: this.#log,
      observeReadings: (output, result, count) => this.#count(output, result, count),
      observeBatch: (output, seconds) => this.#metrics.batch(output, seconds),
      observeFailure: (output, reason) => this.#metrics.outputError(output, reason),
    };
  }

  #reloadAgainAndAgain(
    reload: ReloadSource,
    { notifier, ...working }: Working,
    stopping: AbortSignal,
  ): Promise<void> {
    const ports = {
      ...working,
      use: (state: ConfigState) => void (this.#state = state),
      fail: (error: unknown) => this.#fatal.abort(error),
    };
    return reloadAgainAndAgain(reload, {
      adopt: (next) => adopt(next, this.#state, ports, stopping),
      metrics: this.#metrics,
      notifier,
      log: this.#log,
    }, stopping);
  }

  #count(output: string, result: string, count: number): void {
    this.#metrics.readings(output, result, count);
    if (result === "delivered" || result === "recovered") {
      this.#delivered[output] = (this.#delivered[output] ?? 0) + count;
    }
  }
}

function statusOf({ supervisor }: Fleet, { drains }: Deliveries): string {
  const failing = drains.filter(({ failures }) => failures > 0).map(({ output }) => output.name);
  const outputs = failing.length === 0 ? "delivering" : `${failing.join(", ")} not reachable`;
  const { polling, asleep } = supervisor.states();
  const sleepers = asleep === 0 ? "" : `, ${asleep} sleep`;
  return `${polling} of ${supervisor.size} devices answer${sleepers}, ${outputs}`;
}
