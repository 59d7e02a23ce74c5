import { parseAddressBlock } from "../cidr.ts";
import { messageOf, parseUnitIds, type Setting, SettingError, type UnitIds } from "../core/mod.ts";
import { devices, writtenUnitIds } from "./devices.ts";
import { shard } from "./shard.ts";
import { bytes, flag, integer, oneOf, readFile, secret, setting, text, texts } from "../setting.ts";

const MILLISECONDS = { min: 0, max: 86_400_000 };
const TIMEOUT_MS = { min: 1, max: 3_600_000 };
const PORT = { min: 1, max: 65_535 };
/** 24 days: a timer of more than 2³¹ ms fires at once. */
const RESCAN_S = { min: 0, max: 24 * 86_400 };

/** Unit ids as on the command line. */
function unitIds(key: string, env: string, summary: string): Setting<UnitIds> {
  const parse = (value: unknown) => {
    try {
      return parseUnitIds(writtenUnitIds(value));
    } catch (error) {
      throw new SettingError(messageOf(error));
    }
  };
  return setting<UnitIds>({ key, env, summary }, [1], {
    schema: { type: ["integer", "string", "array"], items: { type: "integer" } },
    parse,
    fromText: parse,
  });
}

/** `auto`, or where the map begins. */
const baseAddress: Setting<number | undefined> = setting<number | undefined>(
  {
    key: "sunspec.base_address",
    env: "SUNSPEC_BASE_ADDRESS",
    summary: "Where the SunSpec map begins (protocol address); auto tries 40000, 0 and 50000",
  },
  undefined,
  {
    shownFallback: "auto",
    schema: { anyOf: [{ const: "auto" }, { type: "integer", minimum: 0, maximum: 65_533 }] },
    parse: parseBaseAddress,
    fromText: (value) => parseBaseAddress(/^\d+$/.test(value) ? Number(value) : value),
  },
);

function parseBaseAddress(value: unknown): number | undefined {
  if (value === "auto") return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65_533) {
    return value;
  }
  throw new SettingError("must be auto or a register address within 0–65533");
}

const subnet: Setting<readonly string[]> = texts(
  {
    key: "discovery.subnet",
    env: "SUNSPEC_SUBNET",
    summary: "Addresses to search for devices: CIDR blocks, ranges or hosts",
  },
  [],
  { pattern: /\S/, meaning: "an address block", check: parseAddressBlock },
);

/** Every key that is not an output's own. */
export const settings = {
  collector: {
    id: text(
      {
        key: "collector.id",
        summary: "Name of this collector; keys, group and transactions derive from it",
      },
      undefined,
      { pattern: /^[A-Za-z0-9._-]{1,100}$/, meaning: "1–100 of the characters A–Z a–z 0–9 . _ -" },
    ),
  },
  collect: {
    outputs: texts(
      {
        key: "collect.outputs",
        env: "SUNSPEC_OUTPUTS",
        summary: "Where readings go; kafka when brokers are given, else file",
      },
      [],
      { pattern: /^[a-z]+$/, meaning: "the name of an output" },
    ),
    drainDeadlineMs: integer(
      {
        key: "collect.drain_deadline_ms",
        env: "SUNSPEC_DRAIN_DEADLINE_MS",
        summary: "How long a stop may go on delivering",
      },
      5000,
      MILLISECONDS,
    ),
    shard,
  },
  devices,
  discovery: {
    subnet,
    port: integer(
      { key: "discovery.port", env: "SUNSPEC_PORT", summary: "Port to search" },
      502,
      PORT,
    ),
    unitIds: unitIds(
      "discovery.unit_ids",
      "SUNSPEC_DISCOVERY_UNIT_IDS",
      "Unit ids to ask at each address found: 1, 1,3,126, 1-10 or auto",
    ),
    maxConcurrency: integer(
      {
        key: "discovery.max_concurrency",
        summary: "Addresses asked at the same time; when left out, up to 256 are tried",
      },
      64,
      { min: 1, max: 1024 },
    ),
    perHostTimeoutMs: integer(
      { key: "discovery.per_host_timeout_ms", summary: "How long to wait for an address" },
      1000,
      TIMEOUT_MS,
    ),
    rescanIntervalS: integer(
      { key: "discovery.rescan_interval_s", summary: "Time between searches; 0 = only at start" },
      300,
      RESCAN_S,
    ),
  },
  poller: {
    pollIntervalMs: integer(
      {
        key: "poller.poll_interval_ms",
        env: "SUNSPEC_POLL_INTERVAL_MS",
        summary: "Time between two polls of a device, aligned to the clock",
      },
      1000,
      { min: 10, max: 86_400_000 },
    ),
    requestTimeoutMs: integer(
      {
        key: "poller.request_timeout_ms",
        env: "SUNSPEC_REQUEST_TIMEOUT_MS",
        summary: "How long to wait for an answer",
      },
      1000,
      TIMEOUT_MS,
    ),
    jitterMs: integer(
      {
        key: "poller.jitter_ms",
        env: "SUNSPEC_JITTER_MS",
        summary: "Polls start up to this much later, by chance",
      },
      0,
      MILLISECONDS,
    ),
  },
  modbus: {
    maxBatchSize: integer(
      {
        key: "modbus.max_batch_size",
        env: "SUNSPEC_MAX_BATCH_SIZE",
        summary: "Registers asked for in one request at most",
      },
      125,
      { min: 1, max: 125 },
    ),
    timeoutMs: integer(
      {
        key: "modbus.timeout_ms",
        summary: "When set, overrides poller.request_timeout_ms everywhere",
      },
      undefined,
      TIMEOUT_MS,
    ),
    retryCount: integer(
      { key: "modbus.retry_count", summary: "Tries of a request after the first" },
      2,
      { min: 0, max: 100 },
    ),
    retryBackoffMs: integer(
      { key: "modbus.retry_backoff_ms", summary: "Wait before the first of them; doubles" },
      100,
      MILLISECONDS,
    ),
    retryMaxBackoffMs: integer(
      { key: "modbus.retry_max_backoff_ms", summary: "Longest wait between tries" },
      2000,
      MILLISECONDS,
    ),
    connectDelayMs: integer(
      {
        key: "modbus.connect_delay_ms",
        summary: "Pause that devices need after connecting; up to 2000 is learned",
      },
      0,
      MILLISECONDS,
    ),
    interReadDelayMs: integer(
      {
        key: "modbus.inter_read_delay_ms",
        summary: "Pause that devices need between requests; up to 1000 is learned",
      },
      0,
      MILLISECONDS,
    ),
    session: oneOf(
      {
        key: "modbus.session",
        summary: "hold the connection, or release it between polls for other clients",
      },
      "hold",
      ["hold", "release"],
    ),
    recordFile: text(
      {
        key: "modbus.record_file",
        summary: "Write down every exchange with a device, for simulate --replay; adds to the file",
      },
      undefined,
    ),
    tlsCaFile: readFile(
      {
        key: "modbus.tls.ca_file",
        summary: "CA that signs tls:// devices (PEM); adds to the public ones",
      },
    ),
    tlsCertFile: readFile(
      { key: "modbus.tls.cert_file", summary: "Our certificate for tls:// devices (PEM)" },
    ),
    tlsKeyFile: readFile(
      { key: "modbus.tls.key_file", summary: "Its key (PEM); nobody else may be able to read it" },
    ),
  },
  sunspec: {
    baseAddress,
    discoveryRegisterCount: integer(
      {
        key: "sunspec.discovery_register_count",
        env: "SUNSPEC_DISCOVERY_REG_COUNT",
        summary:
          "Registers to read ahead when a device is opened, in reads of at most 125; 0 = none",
      },
      0,
      { min: 0, max: 65_536 },
    ),
    modelsDir: text(
      {
        key: "sunspec.models_dir",
        env: "SUNSPEC_MODELS_DIR",
        summary:
          "Folder of own model definitions (*.json, smdx_*.xml); they win over the built-in ones",
      },
      undefined,
    ),
  },
  buffer: {
    path: text(
      { key: "buffer.path", summary: "The buffer file (SQLite)" },
      "sunspec-buffer.sqlite",
    ),
    batchSize: integer(
      { key: "buffer.batch_size", summary: "Readings in one container file" },
      100,
      { min: 1, max: 100_000 },
    ),
    drainIntervalMs: integer(
      {
        key: "buffer.drain_interval_ms",
        env: "SUNSPEC_BUFFER_DRAIN_MS",
        summary: "Longest idle wait of the delivery; a commit wakes it, a backlog never waits",
      },
      500,
      { min: 1, max: 3_600_000 },
    ),
    synchronous: oneOf(
      {
        key: "buffer.synchronous",
        summary: "full: a committed reading survives a power cut; normal: the last ones may not",
      },
      "full",
      ["full", "normal"],
    ),
    commitIntervalMs: integer(
      { key: "buffer.commit_interval_ms", summary: "Readings of this time share one commit" },
      250,
      { min: 0, max: 60_000 },
    ),
    maxBytes: bytes(
      { key: "buffer.max_bytes", summary: "Size the buffer may reach" },
      "1 GiB",
      1024 * 1024,
    ),
    maxAgeS: integer(
      { key: "buffer.max_age_s", summary: "Age a reading may reach undelivered" },
      30 * 86_400,
      { min: 60, max: 3650 * 86_400 },
    ),
    minFreeBytes: bytes(
      {
        key: "buffer.min_free_bytes",
        summary: "Space of the file system that the buffer leaves free",
      },
      "64 MiB",
      0,
    ),
    whenFull: oneOf(
      {
        key: "buffer.when_full",
        summary: "What gives way when the buffer is full; block holds polling back",
      },
      "drop_oldest",
      ["drop_oldest", "drop_newest", "block"],
    ),
    isolate: oneOf(
      {
        key: "buffer.isolate",
        summary:
          "Whether the buffer runs in a thread of its own; auto: with many devices, or a search",
      },
      "auto",
      ["auto", "true", "false"],
    ),
  },
  avro: {
    registers: flag(
      { key: "avro.registers", summary: "Carry the raw registers in each reading" },
      false,
    ),
  },
  metrics: {
    port: integer(
      { key: "metrics.port", summary: "Port of /metrics, /healthz and /readyz; 0 = any free one" },
      9090,
      { min: 0, max: 65_535 },
    ),
    address: text(
      {
        key: "metrics.address",
        summary: "Address to listen on; beyond loopback a token is needed",
      },
      "127.0.0.1",
    ),
    tokenFile: readFile(
      { key: "metrics.token_file", summary: "File with the bearer token that readers must send" },
    ),
    token: secret({
      key: "metrics.token",
      env: "SUNSPEC_METRICS_TOKEN",
      summary: "The token itself; environment only",
    }),
  },
  log: {
    level: oneOf(
      { key: "log.level", summary: "Least important line to write" },
      "info",
      ["debug", "info", "warn", "error"],
    ),
    format: oneOf(
      { key: "log.format", summary: "text on a terminal, json otherwise" },
      undefined,
      ["text", "json"],
    ),
  },
} as const;

/** The same as a list, outputs' own settings not included. */
export const ownSettings: readonly Setting<unknown>[] = [
  settings.collector.id,
  ...Object.values(settings.collect),
  settings.devices,
  ...Object.values(settings.discovery),
  ...Object.values(settings.poller),
  ...Object.values(settings.modbus),
  ...Object.values(settings.sunspec),
  ...Object.values(settings.buffer),
  ...Object.values(settings.avro),
  ...Object.values(settings.metrics),
  ...Object.values(settings.log),
];
