import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CollectorProcess } from "./collector_process.ts";
import { readFolder } from "./delivered.ts";
import { Devices } from "./devices.ts";
import { type Outcome, Violation } from "./experiment.ts";
import { judge, type Verdict } from "./judge.ts";
import type { Sabotage } from "./sabotage.ts";

/** The collector's name, in every experiment. */
export const COLLECTOR = "roof";

/** Small and quick, so that a short life has many commits, deliveries and files. */
const SETTINGS: Readonly<Record<string, unknown>> = {
  "collector.id": COLLECTOR,
  "collect.outputs": ["file"],
  "collect.drain_deadline_ms": 20_000,
  "buffer.commit_interval_ms": 20,
  "buffer.drain_interval_ms": 50,
  "buffer.min_free_bytes": 0,
  "file.roll_bytes": "8 KiB",
  "poller.poll_interval_ms": 20,
  "metrics.port": 0,
  "log.format": "json",
};

/** A folder for files where there can be none: the file output tries again and again. */
export const OUTAGE: Readonly<Record<string, unknown>> = { "file.directory": "/dev/null/out" };

/** Whoever settles waits for the last reading. */
const PATIENCE_MS = 45_000;

/** What a site is made of. */
export interface SiteOptions {
  /** Devices, as `simulate --device` takes them. */
  readonly devices?: readonly string[];
  /** Configuration keys over the usual ones. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Where buffer and files are; a temporary folder by default. */
  readonly disk?: string;
  readonly sabotage?: Sabotage | undefined;
}

/** Devices, a disk, and what a collector has committed there over all its lives. */
export class Site implements AsyncDisposable {
  /** Removed with the site; not under test. */
  readonly folder: string;
  /** The disk under test: `buffer.sqlite` and the folder `out`. */
  readonly disk: string;
  readonly devices: Devices;
  /** Keys in the order in which they were committed. */
  readonly committed: string[] = [];
  #longestRecoveryMs = 0;
  #lateMs: number[] = [];
  readonly #options: SiteOptions;

  private constructor(devices: Devices, options: SiteOptions) {
    this.folder = Deno.makeTempDirSync({ prefix: "sunspool-faults-" });
    this.disk = options.disk ?? join(this.folder, "disk");
    this.devices = devices;
    this.#options = options;
  }

  /** Serves the devices and writes the configuration. */
  static async make(options: SiteOptions = {}): Promise<Site> {
    const specs = options.devices ?? ["1,103", "1,103,160:2"];
    const site = new Site(await Devices.serve(specs), options);
    await Deno.mkdir(site.out, { recursive: true });
    await site.configure();
    return site;
  }

  /** The buffer file. */
  get buffer(): string {
    return join(this.disk, "buffer.sqlite");
  }

  /** The folder of the file output. */
  get out(): string {
    return join(this.disk, "out");
  }

  /** Longest time from a start to the first commit after it. */
  get longestRecoveryMs(): number {
    return this.#longestRecoveryMs;
  }

  /** Writes the configuration anew, with keys over the site's own; the next start reads it. */
  async configure(more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const keys = {
      ...SETTINGS,
      "buffer.path": this.buffer,
      "file.directory": this.out,
      ...this.#options.settings,
      ...more,
    };
    const lines = Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
    const devices = this.devices.endpoints.map((endpoint, i) =>
      `[[devices]]\nendpoint = "${endpoint}"\nunit_ids = [${this.devices.unitIds[i]}]`
    );
    await Deno.writeTextFile(this.#config, [...lines, ...devices].join("\n"));
  }

  /** Begins an outage of the file output, while no collector runs: something is in its place. */
  async block(): Promise<void> {
    await Deno.rename(this.out, `${this.out}.away`);
    await Deno.writeFile(this.out, new Uint8Array(0));
  }

  /** Ends the outage; a collector that runs finds out by itself. */
  async unblock(): Promise<void> {
    await Deno.remove(this.out);
    await Deno.rename(`${this.out}.away`, this.out);
  }

  /** Starts a collector. */
  start(env: Readonly<Record<string, string>> = {}): CollectorProcess {
    return new CollectorProcess({
      config: this.#config,
      sabotage: this.#options.sabotage,
      env,
      committed: (keys) => this.committed.push(...keys),
      late: (ms) => this.#lateMs.push(...ms),
    });
  }

  /** Counts a collector's recovery, once it has committed something. */
  recovered({ recoveryMs = 0 }: CollectorProcess): void {
    this.noteRecovery(recoveryMs);
  }

  /** Counts a recovery of so many milliseconds. */
  noteRecovery(ms: number): void {
    this.#longestRecoveryMs = Math.max(this.#longestRecoveryMs, ms);
  }

  /**
   * Lets a collector run undisturbed until it commits, and stop when all is delivered, however
   * long that takes.
   *
   * @throws {Violation} when it does not recover by itself, or leaves a buffer that is not whole
   */
  async settle(): Promise<void> {
    await this.configure({ "collect.drain_deadline_ms": PATIENCE_MS });
    await using collector = this.start();
    const isAlive = await collector.commits(3);
    const code = await collector.stop();
    await this.configure();
    this.recovered(collector);
    if (!isAlive || code !== 0) {
      throw new Violation(`It did not recover, it ended with ${code}:\n${collector.log}`);
    }
    this.#requireSoundBuffer();
  }

  #requireSoundBuffer(): void {
    using database = new DatabaseSync(this.buffer, { readOnly: true });
    const verdict = database.prepare("PRAGMA integrity_check(1)").get()?.integrity_check;
    if (verdict !== "ok") throw new Violation(`The buffer is not whole: ${verdict}`);
  }

  /** Judges the folder of files. */
  async judgeFiles(): Promise<Verdict> {
    const { committed, devices } = this;
    const delivered = await readFolder(this.out, COLLECTOR);
    return judge({ committed, delivered, devices, output: "file" });
  }

  /** The outcome of a number of cycles, from the verdicts on each destination. */
  outcome(cycles: number, verdicts: readonly Verdict[], log: (line: string) => void): Outcome {
    for (const fault of verdicts.flatMap(({ faults }) => faults)) log(fault);
    const sum = (of: (verdict: Verdict) => number) =>
      verdicts.reduce((total, verdict) => total + of(verdict), 0);
    return {
      cycles,
      committed: this.committed.length,
      delivered: Math.min(...verdicts.map(({ delivered }) => delivered)),
      lost: sum(({ lost }) => lost),
      twice: sum(({ twice }) => twice),
      wrong: sum(({ wrong }) => wrong),
      gapsRecorded: sum(({ gapsRecorded }) => gapsRecorded),
      longestRecoveryMs: Math.round(this.#longestRecoveryMs),
      ...this.#lateMs.length === 0 ? {} : { loopP99Ms: this.#loopP99Ms() },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.devices[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }

  #loopP99Ms(): number {
    const sorted = this.#lateMs.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) * 0.99)] ?? 0;
  }

  get #config(): string {
    return join(this.folder, "sunspool.toml");
  }
}
