import { DatabaseSync } from "node:sqlite";
import { runOrThrow } from "../../scripts/services.ts";
import { freePorts } from "../../scripts/services/free_ports.ts";
import { loopbackNet, type Program, run, simulate, start } from "../program.ts";

/** A collector on a port that it has again after a restart. */
export class Gateway implements AsyncDisposable {
  /** `127.0.0.1:PORT`, as Prometheus knows it. */
  readonly instance: string;
  readonly #options: GatewayOptions;
  readonly #port: number;
  #program: Program | undefined;

  constructor(options: GatewayOptions) {
    [this.#port = 0] = freePorts(1);
    this.instance = `127.0.0.1:${this.#port}`;
    this.#options = options;
  }

  /** Starts it, and waits until its pages are there. */
  async start(): Promise<void> {
    const { cwd, config, env } = this.#options;
    this.#program = start(["collect", "--config", config], {
      cwd,
      env: { ...env, SUNSPEC_METRICS_PORT: String(this.#port) },
    });
    await this.#program.told(/"metrics are served"/);
  }

  signal(name: Deno.Signal): void {
    this.#program?.kill(name);
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
  }

  /** The page that Prometheus reads. */
  async metrics(): Promise<string> {
    return await (await fetch(`http://${this.instance}/metrics`)).text();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

export interface GatewayOptions {
  readonly cwd: string;
  readonly config: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Nobody listens there. */
const ABSENT = `${loopbackNet()}.9:${freePorts(1)[0]}`;

/**
 * A gateway on which everything is wrong that can be: a device is not there and one has counters that
 * fall, its certificate ends in three days, Kafka is not there, the buffer is nearly full of old readings and has given up others, and
 * some are set aside.
 */
export async function troubledGateway(
  cwd: string,
  endpoint: string,
  anHourAgo: Readonly<Record<string, string>>,
): Promise<Gateway> {
  await Deno.writeTextFile(
    `${cwd}/troubled.toml`,
    `collect.outputs = ["file", "kafka"]
modbus.tls.cert_file = "troubled.pem"
modbus.tls.key_file = "troubled.key"
kafka.brokers = ["${ABSENT}"]
poller.poll_interval_ms = 500
[buffer]
path = "troubled.sqlite"
max_bytes = "1200 KiB"
[file]
directory = "troubled"
[[devices]]
endpoint = "${endpoint}"
[[devices]]
endpoint = "${ABSENT}"
`,
  );
  const files = ["-out", `${cwd}/troubled.pem`, "-keyout", `${cwd}/troubled.key`];
  const words =
    "req -x509 -days 3 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=us";
  await runOrThrow("openssl", [...words.split(" "), ...files]);
  const config = ["--config", "troubled.toml"];
  await fillBuffer(cwd, config, anHourAgo);
  return new Gateway({ cwd, config: "troubled.toml" });
}

/** Large readings, and a dead letter that leaves them no room: the oldest are given up. */
async function fillBuffer(
  cwd: string,
  config: readonly string[],
  anHourAgo: Readonly<Record<string, string>>,
): Promise<void> {
  await using devices = await simulate(["--models", "1,160:150", "--step-ms", "5"], { cwd });
  const [endpoint] = devices.endpoints;
  const pace = ["--count", "40", "--interval", "10ms", "--set", "buffer.commit_interval_ms=0"];
  await must(cwd, ["poll", endpoint, "--buffer", ...config, ...pace], anHourAgo);
  {
    using file = new DatabaseSync(`${cwd}/troubled.sqlite`);
    const used = Number(file.prepare("PRAGMA page_count").get()?.page_count) * 4096;
    file.prepare(
      "INSERT INTO dead_letter(output, position, epoch, topic, payload, schema, created_at, " +
        "reason, rejected_at) VALUES('kafka', 1, 1, 't', zeroblob(?), 's', 1, 'MESSAGE_TOO_LARGE', 1)",
    ).run(1024 * 1024 + used / 4 - used);
  }
  await must(cwd, ["buffer-vacuum", ...config, "--set", "buffer.max_bytes=1MiB"], anHourAgo);
}

/** One whose clock stands in 1970, and where otherwise all is well. */
export async function wrongClockGateway(
  cwd: string,
  endpoint: string,
  env: Readonly<Record<string, string>>,
): Promise<Gateway> {
  await Deno.writeTextFile(
    `${cwd}/clock.toml`,
    `poller.poll_interval_ms = 500
buffer.path = "clock.sqlite"
file.directory = "clock"
[[devices]]
endpoint = "${endpoint}"
`,
  );
  return new Gateway({ cwd, config: "clock.toml", env });
}

/** Serves what runs from cron leave, as node_exporter would; `instance` is where. */
export async function serveTextfiles(
  cwd: string,
  endpoint: string,
  env: Readonly<Record<string, string>>,
) {
  const config = ["--set", "buffer.path=runs.sqlite", "--set", `kafka.brokers=${ABSENT}`];
  const round = ["poll", endpoint, "--buffer", "--count", "1", ...config];
  // In 1970: it has not run for a long time.
  await must(cwd, [...round, "--textfile", "poll.prom"], env);
  const drain = ["drain", "--give-up", "1ms", ...config, "--textfile", "drain.prom"];
  const { code, err } = await run(drain, { cwd });
  if (code !== 75) throw new Error(`drain ended with ${code}: ${err}`);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    const texts = ["poll", "drain"].map((name) => Deno.readTextFile(`${cwd}/${name}.prom`));
    const headers = { "content-type": "text/plain; version=0.0.4" };
    return new Response((await Promise.all(texts)).join(""), { headers });
  });
  return {
    instance: `127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function must(
  cwd: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { code, err } = await run(words, { cwd, env });
  if (code !== 0) throw new Error(`${words[0]} ended with ${code}: ${err}`);
}

/** A system clock that is behind by so many seconds. */
export function clockBehind(library: string, seconds: number): Readonly<Record<string, string>> {
  return {
    LD_PRELOAD: library,
    FAKETIME: `-${seconds}`,
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    NO_FAKE_STAT: "1",
  };
}
