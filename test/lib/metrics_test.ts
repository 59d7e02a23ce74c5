import assert from "node:assert/strict";
import type { BufferStats } from "../../lib/core/mod.ts";
import { Metrics } from "../../lib/metrics.ts";
import { runOrThrow } from "../../scripts/services.ts";
import { assertGolden } from "../golden.ts";
import { serviceTest } from "../services.ts";

const OPEN_METRICS = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5";
const build = { version: "1.2.3", deno: "2.9.5" };

/** Name and type of each metric, written off the contract by hand. */
const CONTRACT = {
  sunspool_build_info: "gauge",
  sunspool_device_up: "gauge",
  sunspool_device_last_success_timestamp_seconds: "gauge",
  sunspool_polls_total: "counter",
  sunspool_poll_duration_seconds: "histogram",
  sunspool_modbus_requests_total: "counter",
  sunspool_buffer_rows: "gauge",
  sunspool_buffer_bytes: "gauge",
  sunspool_buffer_oldest_age_seconds: "gauge",
  sunspool_buffer_capacity_seconds: "gauge",
  sunspool_buffer_dropped_total: "counter",
  sunspool_output_readings_total: "counter",
  sunspool_output_batch_duration_seconds: "histogram",
  sunspool_output_lag_seconds: "gauge",
  sunspool_dead_letters: "gauge",
  sunspool_event_loop_lag_seconds: "gauge",
} as const;

/** Dashboards that exist already look for exactly these, whatever format is asked for. */
const ALIASES = [
  "poller_success",
  "poller_error",
  "buffer_size",
  "uplink_messages_sent",
  "uplink_publish_error",
] as const;

const stats: BufferStats = {
  rows: 12,
  bytes: 40_960,
  stored: 4096,
  maxBytes: 1_073_741_824,
  oldestAt: 1_000_000,
  deadLetters: 1,
  backlog: { kafka: 7, file: 0 },
  waitingSince: { kafka: 1_004_000, file: undefined },
  dropped: [{ output: "kafka", reason: "max_bytes", count: 2 }],
};

/** Metrics in which everything has happened once. */
function eventful(): Metrics {
  const metrics = new Metrics(build);
  metrics.deviceState("127.0.0.1:502/1", "discovering");
  metrics.forgetDevice("127.0.0.1:502/1");
  metrics.deviceState("Helio-H-10-SN0001", "polling");
  metrics.poll("Helio-H-10-SN0001", "ok", 0.02);
  metrics.poll("Helio-H-10-SN0001", "ok", 7);
  metrics.poll("Helio-H-10-SN0002", "timeout", 0);
  metrics.request("Helio-H-10-SN0001", "ok");
  metrics.request("Helio-H-10-SN0002", "exception_11");
  metrics.pause("127.0.0.1:502", "read", 0.1);
  metrics.pointQuality("Helio-H-10-SN0001", "counter_held", 2);
  metrics.readings("kafka", "delivered", 5);
  metrics.readings("kafka", "rejected", 1);
  metrics.batch("kafka", 0.3);
  metrics.outputError("kafka", "fenced");
  metrics.outputs({ kafka: 1, file: 0 });
  metrics.collector("roof-7");
  metrics.certificates({ "modbus.tls.cert_file": 1 });
  metrics.certificates({ "kafka.tls.cert_file": 1_800_000_000 });
  metrics.clockSynced(true);
  metrics.eventLoopLag(0.004);
  metrics.capacity(3600);
  metrics.buffer(stats, 1_010_000);
  return metrics;
}

/** When the machine ran the test is no part of what is kept. */
function timeless(text: string): string {
  return text.replaceAll(/(timestamp_seconds\{.*\}) [\d.]+$/gm, "$1 NOW")
    .replaceAll(/^(process_\w+) [\d.e+]+$/gm, "$1 NOW");
}

Deno.test("every metric of the contract is there before anything happened, with HELP and TYPE", async () => {
  const { type, text } = await new Metrics(build).render("");
  assert.match(type, /^text\/plain; version=0\.0\.4/);
  for (const [name, kind] of Object.entries(CONTRACT)) {
    assert.match(text, new RegExp(`^# HELP ${name} \\S.*$`, "m"));
    assert.match(text, new RegExp(`^# TYPE ${name} ${kind}$`, "m"));
  }
  assert.match(text, /^sunspool_build_info\{version="1\.2\.3",deno="2\.9\.5"\} 1$/m);
});

Deno.test("the aliases keep their names in both formats", async () => {
  for (const accept of ["text/plain", OPEN_METRICS]) {
    const { text } = await eventful().render(accept);
    for (const name of ALIASES) {
      assert.match(text, new RegExp(`^# HELP ${name} \\S`, "m"), accept);
      assert.match(text, new RegExp(`^${name} [1-9]`, "m"), `${name} for ${accept}`);
    }
    assert.match(text, /^uplink_publish_latency_count 1$/m);
  }
});

Deno.test("/metrics is what it was, for Prometheus", async () => {
  const { text } = await eventful().render("");
  await assertGolden(import.meta, "metrics.prometheus.txt", timeless(text));
});

Deno.test("/metrics is what it was, for OpenMetrics", async () => {
  const { type, text } = await eventful().render(OPEN_METRICS);
  assert.match(type, /^application\/openmetrics-text; version=1\.0\.0/);
  assert.ok(text.endsWith("# EOF\n"), text.slice(-40));
  await assertGolden(import.meta, "metrics.openmetrics.txt", timeless(text));
});

Deno.test("one format is not changed by somebody who asked for the other", async () => {
  const metrics = eventful();
  const page = async (accept: string) => timeless((await metrics.render(accept)).text);
  const [plain, open] = [await page(""), await page(OPEN_METRICS)];
  assert.match(plain, /^sunspool_polls_total\{/m);
  assert.deepEqual([await page(""), await page(OPEN_METRICS)], [plain, open]);
  const both = await Promise.all([page(OPEN_METRICS), page(""), page(OPEN_METRICS), page("")]);
  assert.deepEqual(both, [open, plain, open, plain]);
});

Deno.test("a good poll leaves its time, a failed one takes the device down", async () => {
  const metrics = new Metrics(build);
  const before = Date.now() / 1000;
  metrics.poll("a", "ok", 0.1);
  const { text } = await metrics.render("");
  const [, at] = /timestamp_seconds\{device="a"\} ([\d.]+)/.exec(text) ?? [];
  assert.ok(Number(at) >= before && Number(at) <= Date.now() / 1000, text);
  assert.match(text, /^sunspool_device_up\{device="a"\} 1$/m);
  metrics.poll("a", "timeout", 0);
  const { text: later } = await metrics.render("");
  assert.match(later, /^sunspool_device_up\{device="a"\} 0$/m);
  assert.match(later, /^sunspool_polls_total\{device="a",result="timeout"\} 1$/m);
});

Deno.test("what a device calls itself cannot break a label", async () => {
  const metrics = new Metrics(build);
  metrics.poll('a "quoted" \\ name\nof two lines', "ok", 0.1);
  for (const accept of ["", OPEN_METRICS]) {
    const { text } = await metrics.render(accept);
    assert.match(
      text,
      /^sunspool_device_up\{device="a \\"quoted\\" \\\\ name\\nof two lines"\} 1$/m,
    );
  }
});

Deno.test("a device that got its name is no longer shown as its place", async () => {
  const { text } = await eventful().render("");
  assert.doesNotMatch(text, /device="127\.0\.0\.1:502\/1"/);
});

Deno.test("nothing stays of a device that is forgotten, and it may come back", async () => {
  const metrics = eventful();
  const device = "Helio-H-10-SN0001";
  metrics.forgetDevice(device);
  assert.doesNotMatch((await metrics.render("")).text, new RegExp(device));
  metrics.poll(device, "ok", 0.1);
  metrics.forgetDevice(device);
  metrics.poll(device, "ok", 0.1);
  const { text } = await metrics.render("");
  assert.match(
    text,
    new RegExp(`^sunspool_polls_total\\{device="${device}",result="ok"\\} 1$`, "m"),
  );
});

Deno.test("what nobody knows yet is no figure", async () => {
  const metrics = new Metrics(build);
  const unknown = /^sunspool_(buffer_capacity_seconds|clock_synced|event_loop_lag_seconds) .*$/gm;
  assert.deepEqual((await metrics.render("")).text.match(unknown), null);
  metrics.clockSynced(false);
  assert.deepEqual((await metrics.render("")).text.match(unknown), ["sunspool_clock_synced 0"]);
  metrics.clockSynced(null);
  assert.deepEqual((await metrics.render("")).text.match(unknown), null);
});

Deno.test("failures of an output are there before the first, each by its reason", async () => {
  const metrics = new Metrics(build);
  metrics.outputs({ kafka: 0 });
  const errors = /^sunspool_output_errors_total\{output="kafka",reason="(\w+)"\} (\d+)$/gm;
  const counts = async () => {
    const { text } = await metrics.render("");
    return Object.fromEntries(
      [...text.matchAll(errors)].map(([, reason, count]) => [reason, count]),
    );
  };
  assert.deepEqual(await counts(), { fenced: "0", denied: "0", unreachable: "0", failed: "0" });
  metrics.outputError("kafka", "fenced");
  assert.deepEqual(await counts(), { fenced: "1", denied: "0", unreachable: "0", failed: "0" });
});

serviceTest("Prometheus finds no fault in the metrics", ["promtool"], async ({ promtool }) => {
  const { text } = await eventful().render("");
  assert.equal(await runOrThrow(promtool, ["check", "metrics"], { input: text }), "");
});
