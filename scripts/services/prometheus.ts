import { deadline, delay } from "../../lib/backoff.ts";
import { removeFolder } from "./cache.ts";
import { freePorts } from "./free_ports.ts";
import { type ServerProcess, startServer } from "./server_process.ts";

/** What a server of Prometheus is to do. */
export interface PrometheusOptions {
  /** Path of the program. */
  readonly program: string;
  /** `HOST:PORT` of what it scrapes, by job. */
  readonly jobs: Readonly<Record<string, readonly string[]>>;
  /** Paths of files with rules. */
  readonly ruleFiles: readonly string[];
}

/** One series of an answer. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Unix seconds, and the value as text. */
  readonly value: readonly [number, string];
}

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 5000;

/** A server of Prometheus on loopback, with data of its own, that goes with its scope. */
export class Prometheus implements AsyncDisposable {
  readonly #server: ServerProcess;
  readonly #folder: string;
  readonly #url: string;

  /** See {@linkcode startPrometheus}. */
  constructor(server: ServerProcess, folder: string, url: string) {
    this.#server = server;
    this.#folder = folder;
    this.#url = url;
  }

  /** The answer of its HTTP API to a query of this moment. */
  async query(expression: string): Promise<readonly Series[]> {
    const { result } = await this.api(`query?${new URLSearchParams({ query: expression })}`);
    return result;
  }

  /**
   * The data that its HTTP API has at a path below `/api/v1/`.
   *
   * @throws when it says that it cannot
   */
  // deno-lint-ignore no-explicit-any
  async api(path: string): Promise<any> {
    const response = await fetch(`${this.#url}/api/v1/${path}`);
    const { status, data, error } = await response.json();
    if (status !== "success") throw new Error(`Cannot ask Prometheus "${path}": ${error}`);
    return data;
  }

  /** Waits until it can be asked. */
  async ready(signal: AbortSignal): Promise<void> {
    const isReady = () =>
      fetch(`${this.#url}/-/ready`).then(async (response) => {
        await response.body?.cancel();
        return response.ok;
      }, () => false);
    while (!await isReady()) await delay(50, signal);
  }

  /** Stops it and removes its data. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(STOP_DEADLINE_MS);
    await removeFolder(this.#folder);
  }
}

/** Starts a server that scrapes each second, and waits until it can be asked. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const folder = await Deno.makeTempDir({ prefix: "sunspool-prometheus-" });
  const [port] = freePorts(1);
  await Deno.writeTextFile(`${folder}/prometheus.json`, JSON.stringify(configOf(options)));
  const server = startServer([
    options.program,
    `--config.file=${folder}/prometheus.json`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
  ], { folder, logFile: `${folder}/log` });
  const prometheus = new Prometheus(server, folder, `http://127.0.0.1:${port}`);
  using limit = deadline(START_DEADLINE_MS);
  try {
    await prometheus.ready(limit.signal);
    return prometheus;
  } catch (cause) {
    const log = await Deno.readTextFile(`${folder}/log`);
    await prometheus[Symbol.asyncDispose]();
    throw new Error(`Cannot start Prometheus: ${log.slice(-1000)}`, { cause });
  }
}

/** JSON is YAML too. */
function configOf({ jobs, ruleFiles }: PrometheusOptions) {
  return {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: ruleFiles,
    scrape_configs: Object.entries(jobs).map(([job, targets]) => ({
      job_name: job,
      static_configs: [{ targets }],
    })),
  };
}
