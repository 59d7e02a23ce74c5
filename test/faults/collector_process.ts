import { Violation } from "./experiment.ts";

/** Longer than any start or stop takes on a busy machine. */
const DEADLINE_MS = 60_000;
/** Lines of the log that a failure shows. */
const SHOWN_LINES = 15;
const PROGRAM = new URL("./collector.ts", import.meta.url).pathname;

/** How a collector is started. */
export interface CollectorOptions {
  /** Its configuration file. */
  readonly config: string;
  /** The name of a sabotage. */
  readonly sabotage?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** Told of each commit. */
  committed(keys: readonly string[]): void;
  /** Told how late its event loop was, in milliseconds. */
  late(ms: readonly number[]): void;
}

/** A collector in a process of its own; killed with its scope. */
export class CollectorProcess implements AsyncDisposable {
  readonly pid: number;
  /** From its start to its first commit, milliseconds; undefined before that. */
  recoveryMs: number | undefined;
  readonly #child: Deno.ChildProcess;
  readonly #options: CollectorOptions;
  readonly #startedAt = performance.now();
  readonly #ended: Promise<number>;
  readonly #watchers = new Set<() => void>();
  #log: string[] = [];
  #commits = 0;
  #code: number | undefined;

  /** Starts it. */
  constructor(options: CollectorOptions) {
    const { config, sabotage, env } = options;
    this.#options = options;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", PROGRAM, config, ...(sabotage ? [sabotage] : [])],
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#ended = this.#listen();
  }

  /** The exit code; undefined while it runs. */
  get code(): number | undefined {
    return this.#code;
  }

  /** Commits that it has told of. */
  get commitCount(): number {
    return this.#commits;
  }

  /** The end of what it logged. */
  get log(): string {
    return this.#log.join("\n");
  }

  /** Waits until it has told of so many commits in all; false when it ended before that. */
  async commits(count: number): Promise<boolean> {
    await this.#until(() => this.#commits >= count || this.#code !== undefined, "commits");
    return this.#commits >= count;
  }

  /** Sends it a signal, if it still runs. */
  signal(name: Deno.Signal): void {
    try {
      this.#child.kill(name);
    } catch {
      // It has ended.
    }
  }

  /** Ends it at once; resolves when all that it had told is heard. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
  }

  /** Asks it to stop; gives its exit code. */
  async stop(): Promise<number> {
    this.signal("SIGTERM");
    return await this.end();
  }

  /** Waits until it has ended; gives its exit code. */
  async end(): Promise<number> {
    await this.#until(() => this.#code !== undefined, "ends");
    return await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const late = setTimeout(() => this.signal("SIGKILL"), DEADLINE_MS);
    const giveUpAt = performance.now() + DEADLINE_MS;
    try {
      while (!condition()) {
        const changed = Promise.withResolvers<void>();
        this.#watchers.add(changed.resolve);
        await changed.promise;
      }
    } finally {
      clearTimeout(late);
    }
    if (performance.now() < giveUpAt) return;
    throw new Violation(`Waited in vain until the collector ${what}:\n${this.log}`);
  }

  #changed(): void {
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
  }

  async #listen(): Promise<number> {
    const [{ code }] = await Promise.all([
      this.#child.status,
      this.#hearCommits(),
      this.#hearLog(),
    ]);
    this.#code = code;
    this.#changed();
    return code;
  }

  async #hearCommits(): Promise<void> {
    for await (const line of linesOf(this.#child.stdout)) {
      const said: readonly (readonly unknown[])[] | { lateMs: readonly number[] } = JSON.parse(
        line,
      );
      if ("lateMs" in said) {
        this.#options.late(said.lateMs);
        continue;
      }
      this.recoveryMs ??= performance.now() - this.#startedAt;
      this.#commits++;
      this.#options.committed(said.map((key) => key.join(" ")));
      this.#changed();
    }
  }

  async #hearLog(): Promise<void> {
    for await (const line of linesOf(this.#child.stderr)) {
      this.#log = [...this.#log, line].slice(-SHOWN_LINES);
    }
  }
}

/** Whole lines; half a line at the end was never said. */
async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
