/**
 * The subcommands, in the order of the help page. Each is loaded when it is called.
 *
 * @module
 */
import type { CommandEntry } from "../lib/cli/mod.ts";

/** Every subcommand; a new one is one file and one line here. */
export const commands: readonly CommandEntry[] = [
  {
    name: "scan",
    summary: "Find devices on the network: who speaks Modbus, who speaks SunSpec",
    load: async () => (await import("./scan.ts")).command,
  },
  {
    name: "discover",
    summary: "Walk one device: who it is and which models it has",
    load: async () => (await import("./discover.ts")).command,
  },
  {
    name: "read",
    summary: "Read a device once and print its values",
    load: async () => (await import("./read.ts")).command,
  },
  {
    name: "poll",
    summary: "Read devices on a schedule, to standard output or into the buffer",
    heedsSignals: true,
    load: async () => (await import("./poll.ts")).command,
  },
  {
    name: "collect",
    summary: "Poll all devices, keep every reading, deliver each one exactly once",
    heedsSignals: true,
    reloads: true,
    load: async () => (await import("./collect.ts")).command,
  },
  {
    name: "drain",
    summary: "Deliver what the buffer holds, then stop",
    heedsSignals: true,
    load: async () => (await import("./drain.ts")).command,
  },
  {
    name: "serve-metrics",
    summary: "Serve metrics and health of a buffer",
    heedsSignals: true,
    load: async () => (await import("./serve_metrics.ts")).command,
  },
  {
    name: "health",
    summary: "Ask the collector that runs here whether it is well",
    load: async () => (await import("./health.ts")).command,
  },
  {
    name: "buffer-vacuum",
    summary: "Trim the buffer by its retention, give the space back, report",
    load: async () => (await import("./buffer_vacuum.ts")).command,
  },
  {
    name: "buffer",
    summary: "Inspect, export or back up the buffer; put dead letters back",
    load: async () => (await import("./buffer.ts")).command,
  },
  {
    name: "decode",
    summary: "Print container files as NDJSON",
    load: async () => (await import("./decode.ts")).command,
  },
  {
    name: "verify",
    summary: "Prove that a topic, or files, hold every position once and in order",
    heedsSignals: true,
    load: async () => (await import("./verify.ts")).command,
  },
  {
    name: "config",
    summary: "Check, print or describe the configuration",
    load: async () => (await import("./config.ts")).command,
  },
  {
    name: "models",
    summary: "List the known SunSpec models, or show one",
    load: async () => (await import("./models.ts")).command,
  },
  {
    name: "simulate",
    summary: "Serve SunSpec devices on loopback, to try everything without hardware",
    heedsSignals: true,
    load: async () => (await import("./simulate.ts")).command,
  },
  {
    name: "systemd",
    summary: "Print, install or uninstall the units that run it as a service",
    load: async () => (await import("./systemd.ts")).command,
  },
  {
    name: "doctor",
    summary: "Check configuration, clock, buffer, devices and outputs, and say what to do",
    load: async () => (await import("./doctor.ts")).command,
  },
  {
    name: "version",
    summary: "Print the version, and what it is built on",
    load: async () => (await import("./version.ts")).command,
  },
];
