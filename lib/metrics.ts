import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from "prom-client";
import { BUFFER_FIGURES, type BufferFigure } from "./buffer_figures.ts";
import { type BufferStats, FAILURE_REASONS, type FailureReason } from "./core/mod.ts";
import { POLL_BUCKETS } from "./duration_counts.ts";
import { RecentMaximum } from "./recent_maximum.ts";
import { Tally } from "./tally.ts";

/** Devices' states as numbers, in the order of `sunspool_device_state`. */
const STATES = [
  "disconnected",
  "connected",
  "discovering",
  "polling",
  "backoff",
  "asleep",
] as const;

/** Everything that is measured. Labels are bounded: devices, outputs, results. */
export class Metrics {
  readonly #open = openMetricsRegistry();
  readonly #plain = new Registry();
  readonly #counters = new Map<object, string>();
  readonly #up = this.#gauge("sunspool_device_up", "1 while a device answers its polls", [
    "device",
  ]);
  readonly #state = this.#gauge(
    "sunspool_device_state",
    "1 for the state a device is in",
    ["device", "state"],
  );
  readonly #lastSuccess = this.#gauge(
    "sunspool_device_last_success_timestamp_seconds",
    "When a device last answered a poll",
    ["device"],
  );
  readonly #polls = this.#counter("sunspool_polls_total", "Polls by result", ["device", "result"]);
  readonly #pollDuration = this.#histogram(
    "sunspool_poll_duration_seconds",
    "Time a good poll took",
    ["device"],
    [...POLL_BUCKETS],
  );
  readonly #requests = this.#counter(
    "sunspool_modbus_requests_total",
    "Modbus requests by result",
    ["device", "result"],
  );
  readonly #pauses = this.#gauge(
    "sunspool_modbus_pause_seconds",
    "Pause that the devices at an endpoint turned out to need, after connecting or between reads",
    ["endpoint", "kind"],
  );
  readonly #quality = this.#counter(
    "sunspool_point_quality_total",
    "Values that are not plainly good, by why not",
    ["device", "quality"],
  );
  readonly #buffer = BUFFER_FIGURES.map((figure) => this.#figure(figure));
  readonly #capacity = this.#unknown(
    "sunspool_buffer_capacity_seconds",
    "How long an outage the buffer holds at the present rate; absent until that is known",
  );
  readonly #readings = this.#counter(
    "sunspool_output_readings_total",
    "Readings by what became of them at an output",
    ["output", "result"],
  );
  readonly #outputErrors = this.#counter(
    "sunspool_output_errors_total",
    "Deliveries that failed, by reason: fenced, denied, unreachable, failed",
    ["output", "reason"],
  );
  readonly #outputFailures = this.#gauge(
    "sunspool_output_consecutive_failures",
    "Deliveries to an output that failed since one last went well",
    ["output"],
  );
  readonly #batchDuration = this.#histogram(
    "sunspool_output_batch_duration_seconds",
    "Time a delivered batch took",
    ["output"],
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );
  readonly #eventLoop = this.#unknown(
    "sunspool_event_loop_lag_seconds",
    "How late the event loop was at worst within the last minute or two",
  );
  readonly #clockSynced = this.#unknown(
    "sunspool_clock_synced",
    "Whether the clock is synchronised; absent where nothing tells",
  );
  readonly #collector = this.#gauge("sunspool_collector_info", "Who collects", ["collector"]);
  readonly #memory = this.#unknown("process_resident_memory_bytes", "Memory that it takes up");
  readonly #reloadOk = this.#unknown(
    "sunspool_config_last_reload_successful",
    "1 when the configuration was accepted when it was last read, at the start or at SIGHUP",
  );
  readonly #reloadAt = this.#unknown(
    "sunspool_config_last_reload_success_timestamp_seconds",
    "When the configuration in use was read",
  );
  readonly #certificates = this.#gauge(
    "sunspool_certificate_expiry_timestamp_seconds",
    "When our own certificate ends, by the key that names its file; as the file was when it was read",
    ["key"],
  );
  // Kept for dashboards made for collectors of the same design. Counters would have to end in `_total`.
  readonly #pollerSuccess = this.#gauge("poller_success", "Alias: good polls");
  readonly #pollerError = this.#gauge("poller_error", "Alias: failed polls");
  readonly #bufferSize = this.#gauge("buffer_size", "Alias of sunspool_buffer_rows");
  readonly #sent = this.#gauge("uplink_messages_sent", "Alias: readings delivered");
  readonly #publishError = this.#gauge("uplink_publish_error", "Alias: batches that failed");
  readonly #publishLatency = this.#histogram(
    "uplink_publish_latency",
    "Alias of sunspool_output_batch_duration_seconds, all outputs",
    [],
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );

  /** Between two scrapes there is time for it to be late, and not to be any more. */
  readonly #worstLag = new RecentMaximum(60_000);
  #goodPolls = 0;
  /** Counts of each device until they are asked for: looking up labels at each poll is slow. */
  readonly #tallies = new Map<string, Tally>();
  /** The series of each device whose labels only events can tell, and what takes them away. */
  readonly #series = new Map<string, Map<string, () => void>>();

  /**
   * Everything begins at nothing.
   *
   * @param build what `sunspool_build_info` says
   */
  constructor(build: { readonly version: string; readonly deno: string }) {
    this.#gauge("sunspool_build_info", "Version of the program", ["version", "deno"])
      .set({ ...build }, 1);
    this.#gauge("process_start_time_seconds", "When it was started")
      .set((Date.now() - performance.now()) / 1000);
  }

  /** Who collects. */
  collector(name: string): void {
    this.#collector.set({ collector: name }, 1);
  }

  /** Whether the clock is synchronised; null = nothing tells. */
  clockSynced(synced: boolean | null): void {
    if (synced === null) this.#clockSynced.remove();
    else this.#clockSynced.set(synced ? 1 : 0);
  }

  /** How often deliveries have failed in a row, for each output that there is. */
  outputs(failures: Readonly<Record<string, number>>): void {
    this.#outputFailures.reset();
    for (const [output, count] of Object.entries(failures)) {
      this.#outputFailures.set({ output }, count);
      // What is there from the start can be seen to grow.
      this.#readings.inc({ output, result: "delivered" }, 0);
      for (const reason of FAILURE_REASONS) this.#outputErrors.inc({ output, reason }, 0);
    }
  }

  /** A device entered a state. */
  deviceState(device: string, state: string): void {
    for (const name of STATES) this.#state.set({ device, state: name }, name === state ? 1 : 0);
    if (["backoff", "disconnected", "asleep"].includes(state)) this.#tally(device).up = 0;
  }

  /** A device is no longer polled, or is known under another name now: nothing of it stays. */
  forgetDevice(device: string): void {
    for (const name of STATES) this.#state.remove({ device, state: name });
    for (const metric of [this.#up, this.#lastSuccess]) metric.remove({ device });
    this.#tallies.delete(device);
    for (const remove of this.#series.get(device)?.values() ?? []) remove();
    this.#series.delete(device);
  }

  /** A poll ended. */
  poll(device: string, result: string, seconds: number): void {
    this.#tally(device).poll(result, seconds);
    if (result === "ok") this.#goodPolls++;
    // Who sleeps has not failed.
    else if (result !== "asleep") this.#pollerError.inc();
  }

  /** A poll ended of the device that this one sits behind. */
  child(device: string, result: string): void {
    this.#tally(device).isUp(result === "ok");
  }

  /** A Modbus request ended. */
  request(device: string, result: string): void {
    this.#tally(device).request(result);
  }

  /** The devices at an endpoint need a pause. */
  pause(endpoint: string, kind: "connect" | "read", seconds: number): void {
    this.#pauses.set({ endpoint, kind }, seconds);
  }

  /** Values were read that are not plainly good. */
  pointQuality(device: string, quality: string, count: number): void {
    this.#quality.inc({ device, quality }, count);
    this.#remember(device, `quality ${quality}`, () => this.#quality.remove({ device, quality }));
  }

  /** Readings were delivered, rejected or found delivered at an output. */
  readings(output: string, result: string, count: number): void {
    this.#readings.inc({ output, result }, count);
    if (result === "delivered") this.#sent.inc(count);
  }

  /** A batch was delivered. */
  batch(output: string, seconds: number): void {
    this.#batchDuration.observe({ output }, seconds);
    this.#publishLatency.observe(seconds);
  }

  /** A delivery failed. */
  outputError(output: string, reason: FailureReason): void {
    this.#publishError.inc();
    this.#outputErrors.inc({ output, reason });
  }

  /** The configuration was read. */
  configRead(isAccepted: boolean): void {
    this.#reloadOk.set(isAccepted ? 1 : 0);
    if (isAccepted) this.#reloadAt.set(Date.now() / 1000);
  }

  /** When our own certificates end, in Unix seconds, by the keys that name their files. */
  certificates(ends: Readonly<Record<string, number>>): void {
    this.#certificates.reset();
    for (const [key, end] of Object.entries(ends)) this.#certificates.set({ key }, end);
  }

  /** The event loop was late. */
  eventLoopLag(seconds: number): void {
    this.#eventLoop.set(this.#worstLag.add(seconds, performance.now()));
  }

  /** The buffer holds an outage of this length. */
  capacity(seconds: number): void {
    this.#capacity.set(seconds);
  }

  /** Takes the buffer's figures. */
  buffer(stats: BufferStats, now: number): void {
    for (const take of this.#buffer) take(stats, now);
    this.#bufferSize.set(stats.rows);
  }

  /** Everything as text, with its media type; OpenMetrics when the reader asks for it. */
  async render(accept: string): Promise<{ readonly type: string; readonly text: string }> {
    this.#settle();
    this.#memory.set(Deno.memoryUsage().rss);
    const registry = accept.includes("application/openmetrics-text") ? this.#open : this.#plain;
    const text = registry.metrics();
    // As OpenMetrics it takes `_total` off the names of counters, and leaves it off for whoever is next.
    for (const [counter, name] of this.#counters) Reflect.set(counter, "name", name);
    return { type: registry.contentType, text: await text };
  }

  #tally(device: string): Tally {
    const known = this.#tallies.get(device);
    if (known) return known;
    const tally = new Tally();
    this.#tallies.set(device, tally);
    return tally;
  }

  /** Puts what was counted where it is shown. */
  #settle(): void {
    this.#pollerSuccess.set(this.#goodPolls);
    // A histogram takes times one by one only; this is how it keeps what it counted of them.
    const durations = [...this.#tallies].filter(([, { durations }]) => durations.count > 0)
      .map(([device, { durations: { buckets: bucketValues, sum, count } }]) =>
        [device, { labels: { device }, bucketValues, sum, count }] as const
      );
    Reflect.set(this.#pollDuration, "hashMap", Object.fromEntries(durations));
    for (const [device, tally] of this.#tallies) {
      const { up, lastSuccess } = tally;
      if (up !== undefined) this.#up.set({ device }, up);
      if (lastSuccess !== undefined) this.#lastSuccess.set({ device }, lastSuccess);
      for (const [result, count] of tally.takePolls()) {
        this.#polls.inc({ device, result }, count);
        this.#remember(device, `polls ${result}`, () => this.#polls.remove({ device, result }));
      }
      for (const [result, count] of tally.takeRequests()) {
        this.#requests.inc({ device, result }, count);
        const forget = () => this.#requests.remove({ device, result });
        this.#remember(device, `requests ${result}`, forget);
      }
    }
  }

  #remember(device: string, name: string, remove: () => void): void {
    const series = this.#series.get(device) ?? new Map<string, () => void>();
    if (series.size === 0) this.#series.set(device, series);
    if (!series.has(name)) series.set(name, remove);
  }

  #figure({ name, help, type, labelNames, samples }: BufferFigure) {
    const metric = type === "gauge"
      ? this.#gauge(name, help, labelNames)
      : this.#counter(name, help, labelNames);
    return (stats: BufferStats, now: number) => {
      metric.reset();
      for (const { labels, value } of samples(stats, now)) metric.inc(labels, value);
    };
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: [this.#open, this.#plain] });
  }

  #counter<T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[] = [],
  ): Counter<T> {
    const counter = new Counter({ name, help, labelNames, registers: [this.#open, this.#plain] });
    this.#counters.set(counter, name);
    return counter;
  }

  /** A gauge that shows nothing until it is set: 0 would be a figure too. */
  #unknown(name: string, help: string): Gauge {
    const gauge = this.#gauge(name, help);
    gauge.remove();
    return gauge;
  }

  #histogram<T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[],
    buckets: number[],
  ): Histogram<T> {
    const registers = [this.#open, this.#plain];
    return new Histogram({ name, help, labelNames, buckets, registers });
  }
}

function openMetricsRegistry() {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry;
}
