import { deadline } from "../../lib/backoff.ts";
import { messageOf } from "../../lib/core/errors.ts";
import { removeFolder } from "./cache.ts";
import { makeCertificates } from "./certificates.ts";
import { freePorts } from "./free_ports.ts";
import { KAFKA_VERSION, kafkaClass } from "./kafka_jars.ts";
import {
  copies,
  KAFKA_USERS,
  type KafkaPorts,
  kafkaProperties,
  propertiesText,
  scramArguments,
} from "./kafka_properties.ts";
import { waitUntilReady } from "./kafka_ready.ts";
import { complaint, runOrThrow } from "./run.ts";
import { type ServerProcess, startServer } from "./server_process.ts";
import { findTools } from "./tools.ts";

/** What a test may change about its broker. */
export interface KafkaOptions {
  /** Broker properties that go over ours. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Words for the JVM after ours, such as `-XX:TieredStopAtLevel=4` for a long bench. */
  readonly jvm?: readonly string[];
  /** A port of 127.0.0.1 that clients of `proxiedPort` are told to use: that of a proxy. */
  readonly proxy?: number;
}

/** Kafka's command-line programs by the names of their scripts. */
const COMMANDS = {
  acls: "org.apache.kafka.tools.AclCommand",
  configs: "kafka.admin.ConfigCommand",
  "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
  topics: "org.apache.kafka.tools.TopicCommand",
  transactions: "org.apache.kafka.tools.TransactionsCommand",
} as const satisfies Record<string, string>;

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 10_000;

/** 16 bytes in base64url, the only form that `StorageTool` takes. */
const CLUSTER_ID = "c3Vuc3Bvb2wtdGVzdHMwMQ";

/**
 * Starts a broker of its own, with fresh data, and waits until it can be used.
 *
 * @throws when Kafka is missing (the message says what would enable it) or does not start.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const { kafka: tool } = await findTools();
  if ("missing" in tool) {
    throw new Error(`Cannot start "Kafka ${KAFKA_VERSION}": ${tool.missing}, try ${tool.enable}`);
  }
  for (let tries = 1;; tries++) {
    try {
      return await startAnew(options);
    } catch (error) {
      // Another process may take a port between our look and the broker's.
      if (tries === 3 || !messageOf(error).includes("Address already in use")) throw error;
    }
  }
}

/** One broker on 127.0.0.1. Leaving its scope stops it and removes its data. */
export class Kafka implements AsyncDisposable {
  /** Host and port without encryption or login; whoever comes may do everything. */
  readonly brokers: string;
  /** Host and port with TLS and login, by any of `KAFKA_MECHANISMS`. */
  readonly saslBrokers: string;
  /** PEM file of the CA that a client of `saslBrokers` trusts; each broker has its own. */
  readonly caFile: string;
  /** Names and passwords for `saslBrokers`, the same for each mechanism. */
  readonly users: typeof KAFKA_USERS = KAFKA_USERS;
  /** What the broker says, over all its starts; gone after `stop()`. */
  readonly logFile: string;
  /** Has a folder `TOPIC-PARTITION` with the segments of each partition; gone after `stop()`. */
  readonly dataFolder: string;

  /** The port behind a proxy; 0 when there is none. */
  readonly proxiedPort: number;

  readonly #folder: string;
  readonly #ports: KafkaPorts;
  readonly #jvm: readonly string[];
  #process: ServerProcess | undefined;

  /** For `startKafka` alone: `folder` holds `server.properties`, `ca.pem` and formatted data. */
  constructor(folder: string, ports: KafkaPorts, jvm: readonly string[]) {
    this.brokers = `127.0.0.1:${ports.plaintext}`;
    this.saslBrokers = `127.0.0.1:${ports.sasl}`;
    this.proxiedPort = ports.proxied?.port ?? 0;
    this.caFile = `${folder}/ca.pem`;
    this.logFile = `${folder}/server.log`;
    this.dataFolder = `${folder}/data`;
    this.#folder = folder;
    this.#ports = ports;
    this.#jvm = jvm;
  }

  /** Starts again on the same data and ports; a broker that runs is first asked to end. */
  async restart(): Promise<void> {
    await this.#process?.stop(STOP_DEADLINE_MS);
    const words = kafkaClass("kafka.Kafka", ...LOG_WITH_TIME, "-Xmx512m", ...this.#jvm);
    const server = startServer(["java", ...words, `${this.#folder}/server.properties`], {
      folder: this.#folder,
      logFile: this.logFile,
    });
    this.#process = server;
    await this.#waitUntilReady(server);
  }

  /** Ends it at once, as a power cut would; its data stays for `restart()`. */
  async kill(): Promise<void> {
    this.#process?.signal("SIGKILL");
    await this.#process?.exited;
    this.#process = undefined;
  }

  /** Halts it: connections stay and get no answer. Beyond 2 s it fences itself for a moment after. */
  freeze(): void {
    this.#process?.signal("SIGSTOP");
  }

  /** Lets a frozen broker go on. */
  thaw(): void {
    this.#process?.signal("SIGCONT");
  }

  /** Asks it to end, kills it if it does not, and removes its data. */
  async stop(): Promise<void> {
    await this.#process?.stop(STOP_DEADLINE_MS);
    this.#process = undefined;
    await removeFolder(this.#folder);
  }

  /** Runs one of Kafka's own programs on `brokers` (takes about a second); gives what it prints. */
  async admin(command: keyof typeof COMMANDS, ...args: readonly string[]): Promise<string> {
    const words = kafkaClass(COMMANDS[command], "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
    return await runOrThrow("java", [...words, "--bootstrap-server", this.brokers, ...args]);
  }

  /** The same as `stop()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #waitUntilReady(server: ServerProcess): Promise<void> {
    const ended = new AbortController();
    server.exited.then(() => ended.abort());
    using limit = deadline(START_DEADLINE_MS, ended.signal);
    try {
      await waitUntilReady(
        { asked: this.#ports.plaintext, dialled: this.#ports.sasl },
        limit.signal,
      );
    } catch (cause) {
      const fault = limit.isOver ? `not ready after ${START_DEADLINE_MS} ms` : "it ended";
      const why = complaint(await Deno.readTextFile(this.logFile));
      throw new Error(`Cannot start Kafka "${this.brokers}": ${fault}: ${why}`, { cause });
    }
  }
}

const LOG_WITH_TIME = [
  "-Dorg.slf4j.simpleLogger.showDateTime=true",
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
];

/** Starts brokers that keep everything in as many copies as there are of them. */
export async function startKafkaCluster(count: number): Promise<readonly Kafka[]> {
  const ports = Array.from({ length: count }, () => portsOf(undefined));
  const voters = ports.map(({ controller }, i) => `${i + 1}@127.0.0.1:${controller}`).join(",");
  const shared = { ...copies(count), "controller.quorum.voters": voters };
  const brokers = await Promise.all(
    ports.map((own, i) =>
      prepare(own, { properties: { ...shared, "node.id": String(i + 1) }, jvm: ["-Xmx256m"] })
    ),
  );
  try {
    // One alone has nobody to agree with.
    await Promise.all(brokers.map((broker) => broker.restart()));
    return brokers;
  } catch (error) {
    await Promise.all(brokers.map((broker) => broker.stop()));
    throw error;
  }
}

async function startAnew(options: KafkaOptions): Promise<Kafka> {
  const kafka = await prepare(portsOf(options.proxy), options);
  try {
    await kafka.restart();
    return kafka;
  } catch (error) {
    await kafka.stop();
    throw error;
  }
}

function portsOf(proxy: number | undefined): KafkaPorts {
  const [plaintext = 0, sasl = 0, controller = 0, port = 0] = freePorts(4);
  const proxied = proxy === undefined ? {} : { proxied: { port, told: proxy } };
  return { plaintext, sasl, controller, ...proxied };
}

/** A broker with fresh data that is not started yet. */
async function prepare(
  ports: KafkaPorts,
  { properties, jvm = [] }: Pick<KafkaOptions, "properties" | "jvm">,
): Promise<Kafka> {
  const folder = await Deno.makeTempDir({ prefix: "sunspool-kafka-" });
  const kafka = new Kafka(folder, ports, jvm);
  try {
    const { keystoreFile } = await makeCertificates(folder);
    const settings = { ...kafkaProperties(folder, { ports, keystoreFile }), ...properties };
    await format(`${folder}/server.properties`, settings);
    return kafka;
  } catch (error) {
    await kafka.stop();
    throw error;
  }
}

async function format(file: string, settings: Readonly<Record<string, string>>): Promise<void> {
  await Deno.writeTextFile(file, propertiesText(settings));
  const words = kafkaClass(
    "kafka.tools.StorageTool",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
  );
  const how = ["format", "--cluster-id", CLUSTER_ID, "--config", file, ...scramArguments()];
  await runOrThrow("java", [...words, ...how]);
}
