import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from "prom-client";
import { BUFFER_FIGURES, type BufferFigure } from "./buffer_figures.ts";
import type { BufferStats } from "./core/mod.ts";

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
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
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
  readonly #capacity = this.#gauge(
    "sunspool_buffer_capacity_seconds",
    "How long an outage the buffer holds at the present rate",
  );
  readonly #readings = this.#counter(
    "sunspool_output_readings_total",
    "Readings by what became of them at an output",
    ["output", "result"],
  );
  readonly #batchDuration = this.#histogram(
    "sunspool_output_batch_duration_seconds",
    "Time a delivered batch took",
    ["output"],
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );
  readonly #eventLoop = this.#gauge(
    "sunspool_event_loop_lag_seconds",
    "How late the event loop last was",
  );
  // Kept for dashboards made for collectors of the same design.
  readonly #pollerSuccess = this.#alias("poller_success", "Alias: good polls");
  readonly #pollerError = this.#alias("poller_error", "Alias: failed polls");
  readonly #bufferSize = this.#gauge("buffer_size", "Alias of sunspool_buffer_rows");
  readonly #sent = this.#alias("uplink_messages_sent", "Alias: readings delivered");
  readonly #publishError = this.#alias("uplink_publish_error", "Alias: batches that failed");
  readonly #publishLatency = this.#histogram(
    "uplink_publish_latency",
    "Alias of sunspool_output_batch_duration_seconds, all outputs",
    [],
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );

  /**
   * Everything begins at nothing.
   *
   * @param build what `sunspool_build_info` says
   */
  constructor(build: { readonly version: string; readonly deno: string }) {
    this.#gauge("sunspool_build_info", "Version of the program", ["version", "deno"])
      .set({ ...build }, 1);
  }

  /** A device entered a state. */
  deviceState(device: string, state: string): void {
    for (const name of STATES) this.#state.set({ device, state: name }, name === state ? 1 : 0);
    if (["backoff", "disconnected", "asleep"].includes(state)) this.#up.set({ device }, 0);
  }

  /** A device is no longer polled, or is known under another name now. */
  forgetDevice(device: string): void {
    for (const name of STATES) this.#state.remove({ device, state: name });
    this.#up.remove({ device });
  }

  /** A poll ended. */
  poll(device: string, result: string, seconds: number): void {
    this.#polls.inc({ device, result });
    if (result !== "ok") {
      // Who sleeps has not failed.
      if (result !== "asleep") this.#pollerError(1);
      this.#up.set({ device }, 0);
      return;
    }
    this.#pollerSuccess(1);
    this.#up.set({ device }, 1);
    this.#lastSuccess.set({ device }, Date.now() / 1000);
    this.#pollDuration.observe({ device }, seconds);
  }

  /** A poll ended of the device that this one sits behind. */
  child(device: string, result: string): void {
    this.#up.set({ device }, result === "ok" ? 1 : 0);
    if (result === "ok") this.#lastSuccess.set({ device }, Date.now() / 1000);
  }

  /** A Modbus request ended. */
  request(device: string, result: string): void {
    this.#requests.inc({ device, result });
  }

  /** The devices at an endpoint need a pause. */
  pause(endpoint: string, kind: "connect" | "read", seconds: number): void {
    this.#pauses.set({ endpoint, kind }, seconds);
  }

  /** Values were read that are not plainly good. */
  pointQuality(device: string, quality: string, count: number): void {
    this.#quality.inc({ device, quality }, count);
  }

  /** Readings were delivered, rejected or found delivered at an output. */
  readings(output: string, result: string, count: number): void {
    this.#readings.inc({ output, result }, count);
    if (result === "delivered") this.#sent(count);
  }

  /** A batch ended. */
  batch(output: string, result: "ok" | "error", seconds: number): void {
    if (result === "error") return this.#publishError(1);
    this.#batchDuration.observe({ output }, seconds);
    this.#publishLatency.observe(seconds);
  }

  /** The event loop was late. */
  eventLoopLag(seconds: number): void {
    this.#eventLoop.set(seconds);
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
    const registry = accept.includes("application/openmetrics-text") ? this.#open : this.#plain;
    return { type: registry.contentType, text: await registry.metrics() };
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
    return new Counter({ name, help, labelNames, registers: [this.#open, this.#plain] });
  }

  /**
   * Counts under a name that dashboards know. OpenMetrics would have it end in `_total`: there it
   * is a gauge, which keeps its name.
   */
  #alias(name: string, help: string): (count: number) => void {
    const counter = new Counter({ name, help, registers: [this.#plain] });
    const gauge = new Gauge({ name, help, registers: [this.#open] });
    return (count) => {
      counter.inc(count);
      gauge.inc(count);
    };
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
