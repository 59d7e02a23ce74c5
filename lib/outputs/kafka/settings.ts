import type { Codec } from "../../avro/container.ts";
import { type Lookup, type Setting, SettingError, type SettingNote } from "../../core/mod.ts";
import { readSecret } from "../../secret.ts";
import { flag, integer, oneOf, readFile, secret, text, texts } from "../../setting.ts";
import type { ClientOptions } from "./client.ts";
import { readTls } from "./tls.ts";

/** The keys of the `kafka` section. */
const settings = {
  brokers: texts(
    { key: "kafka.brokers", summary: "Brokers to ask first, as host:port" },
    [],
    {
      pattern: /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/,
      meaning: "host:port",
      check: checkPort,
    },
  ),
  topic: text(
    { key: "kafka.topic", summary: "Topic that readings go to" },
    "sunspec.telemetry",
    {
      pattern: /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
      meaning: "1–249 of the characters A–Z a–z 0–9 . _ - and not . or ..",
    },
  ),
  clientId: text(
    { key: "kafka.client_id", summary: "A label for the broker's logs; nothing derives from it" },
    "sunspec-collector",
  ),
  acks: oneOf(
    { key: "kafka.acks", summary: "all; 1 or 0 select at_least_once" },
    "all",
    ["all", "1", "0"],
  ),
  compression: oneOf(
    { key: "kafka.compression", summary: "Compression of record batches" },
    "zstd",
    ["none", "gzip", "zstd"],
  ),
  timeoutMs: integer(
    { key: "kafka.timeout_ms", summary: "How long to wait for a broker" },
    5000,
    { min: 100, max: 600_000 },
  ),
  enableIdempotence: flag(
    {
      key: "kafka.enable_idempotence",
      env: "SUNSPEC_KAFKA_IDEMPOTENCE",
      summary: "false selects at_least_once",
    },
    true,
  ),
  delivery: oneOf(
    { key: "kafka.delivery", summary: "exactly_once uses transactions; at_least_once needs none" },
    undefined,
    ["exactly_once", "at_least_once"],
  ),
  avroCodec: oneOf(
    { key: "kafka.avro_codec", summary: "Codec within the container files" },
    "null",
    ["null", "deflate", "zstandard"],
  ),
  tlsEnabled: flag(
    { key: "kafka.tls.enabled", summary: "Speak TLS; a CA or certificate file implies it" },
    false,
  ),
  tlsCaFile: readFile(
    { key: "kafka.tls.ca_file", summary: "Certificate authorities to trust (PEM)" },
  ),
  tlsCertFile: readFile(
    { key: "kafka.tls.cert_file", summary: "Our own certificate (PEM)" },
  ),
  tlsKeyFile: readFile({ key: "kafka.tls.key_file", summary: "Its private key (PEM)" }),
  saslMechanism: oneOf(
    { key: "kafka.sasl.mechanism", summary: "How to prove who we are" },
    undefined,
    ["plain", "scram-sha-256", "scram-sha-512"],
  ),
  saslUsername: text({ key: "kafka.sasl.username", summary: "User name" }, undefined),
  saslPasswordFile: readFile(
    { key: "kafka.sasl.password_file", summary: "File that holds the password" },
  ),
  saslPassword: secret({
    key: "kafka.sasl.password",
    env: "SUNSPEC_KAFKA_SASL_PASSWORD",
    summary: "The password itself; environment only",
  }),
} as const;

/** All of them. */
export const kafkaSettings: readonly Setting<unknown>[] = Object.values(settings);

/** The topic that new readings are meant for. */
export const topic: Setting<string> = settings.topic;

/** Whether the output is the one to use when none is named. */
export function hasBrokers(get: Lookup): boolean {
  return get(settings.brokers).length > 0;
}

function checkPort(broker: string): void {
  const port = Number(broker.slice(broker.lastIndexOf(":") + 1));
  if (port < 1 || port > 65_535) {
    throw new SettingError(`"${broker}" has no port within 1–65535`);
  }
}

type Delivery = "exactly_once" | "at_least_once";

function deliveryOf(get: Lookup): Delivery {
  const weak = get(settings.acks) !== "all" || !get(settings.enableIdempotence);
  return get(settings.delivery) ?? (weak ? "at_least_once" : "exactly_once");
}

/** Files of a certificate or an authority ask for TLS as well. */
function usesTls(get: Lookup): boolean {
  const files = [get(settings.tlsCaFile), get(settings.tlsCertFile)];
  return get(settings.tlsEnabled) || files.some((file) => file !== undefined);
}

/** Settings that select the weaker delivery without saying so, or show readings to the network. */
export function weakenings(get: Lookup): readonly SettingNote[] {
  return [...weakerDelivery(get), ...unprotectedLogin(get)];
}

function unprotectedLogin(get: Lookup): readonly SettingNote[] {
  const mechanism = get(settings.saslMechanism);
  if (mechanism === undefined || mechanism === "plain" || usesTls(get)) return [];
  const text = "without TLS everybody on the way reads and may change what is sent; set " +
    "kafka.tls.enabled = true";
  return [{ key: "kafka.sasl.mechanism", text }];
}

function weakerDelivery(get: Lookup): readonly SettingNote[] {
  if (get(settings.delivery) !== undefined) return [];
  const text = 'selects kafka.delivery = "at_least_once": a reading may arrive twice; give ' +
    "kafka.delivery to confirm it";
  return [
    ...(get(settings.acks) === "all" ? [] : [{ key: "kafka.acks", text }]),
    ...(get(settings.enableIdempotence) ? [] : [{ key: "kafka.enable_idempotence", text }]),
  ];
}

/** What in the settings contradicts itself. */
export function contradictions(get: Lookup): readonly SettingNote[] {
  const faults: SettingNote[] = [];
  const fault = (key: string, text: string) => faults.push({ key, text });
  if (get(settings.brokers).length === 0) {
    fault("kafka.brokers", "the output kafka needs brokers, as host:port");
  }
  if (get(settings.delivery) === "exactly_once") {
    if (get(settings.acks) !== "all") fault("kafka.acks", "exactly_once needs acks = all");
    if (!get(settings.enableIdempotence)) {
      fault("kafka.enable_idempotence", "exactly_once needs enable_idempotence = true");
    }
  }
  const [mechanism, user] = [get(settings.saslMechanism), get(settings.saslUsername)];
  if (mechanism !== undefined && user === undefined) {
    fault("kafka.sasl.username", `${mechanism} needs a user name`);
  }
  if (mechanism === undefined && user !== undefined) {
    fault("kafka.sasl.mechanism", "must be one of plain, scram-sha-256, scram-sha-512");
  }
  if (mechanism === "plain" && user !== undefined && !usesTls(get)) {
    fault(
      "kafka.sasl.mechanism",
      "plain sends the password as it is: set kafka.tls.enabled = true, or use scram-sha-512",
    );
  }
  if ((get(settings.tlsCertFile) === undefined) !== (get(settings.tlsKeyFile) === undefined)) {
    fault("kafka.tls.cert_file", "a certificate and its key go together");
  }
  return faults;
}

/** The settings, ready for use. */
export interface KafkaOptions {
  readonly client: ClientOptions;
  /** Where new readings go. */
  readonly topic: string;
  readonly acks: number;
  readonly compression: number;
  readonly delivery: Delivery;
  readonly isIdempotent: boolean;
  readonly codec: Codec;
}

/** Codes of the record batch format, attributes bits 0–2. */
const COMPRESSION_CODES = { none: 0, gzip: 1, zstd: 4 } as const;
const ACKS_CODES = { all: -1, "1": 1, "0": 0 } as const;

/**
 * What the settings mean.
 *
 * @throws {ConfigError} a file that they name cannot be used
 */
export function optionsOf(get: Lookup): KafkaOptions {
  const [ca, cert] = [get(settings.tlsCaFile), get(settings.tlsCertFile)];
  const mechanism = get(settings.saslMechanism);
  return {
    client: {
      brokers: get(settings.brokers),
      clientId: get(settings.clientId),
      timeoutMs: get(settings.timeoutMs),
      tls: usesTls(get) ? readTls({ ca, cert, key: get(settings.tlsKeyFile) }) : undefined,
      sasl: mechanism && {
        mechanism,
        username: get(settings.saslUsername) ?? "",
        password: readSecret({
          value: get(settings.saslPassword),
          file: get(settings.saslPasswordFile),
          credential: "kafka_sasl_password",
        }) ?? "",
      },
    },
    topic: get(settings.topic),
    acks: ACKS_CODES[get(settings.acks)],
    compression: COMPRESSION_CODES[get(settings.compression)],
    delivery: deliveryOf(get),
    isIdempotent: get(settings.enableIdempotence) && get(settings.acks) === "all",
    codec: get(settings.avroCodec),
  };
}
