/**
 * The program as its users run it: a child process of Deno's own binary, so that signals mean what
 * they say.
 *
 * @module
 */

/** Longer than anything here takes on a busy machine: a wait that lasts so long has failed. */
const DEADLINE_MS = 30_000;
const LOOK_AGAIN_MS = 10;
const MAIN = new URL("../main.ts", import.meta.url).pathname;

/** What is left of a program that has ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Where and with what a program runs. */
export interface Surroundings {
  /** The folder it runs in, and looks for its configuration in. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** What Deno is to run instead of the checkout's main.ts: its arguments before ours. */
  readonly program?: readonly string[];
  /** What to run instead of Deno: a program and its arguments before ours. */
  readonly command?: readonly [string, ...string[]];
  /** How long to wait for anything it says or does. */
  readonly deadlineMs?: number;
}

/** A program that was started; killed when it goes out of scope. */
export class Program implements AsyncDisposable {
  readonly pid: number;
  /** How it ended, and everything it said. */
  readonly ended: Promise<Ended>;
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #deadlineMs: number;
  readonly #said = { out: "", err: "" };
  #hasEnded = false;

  /** See {@linkcode start}. */
  constructor(args: readonly string[], surroundings: Surroundings) {
    const { cwd, env, stdin, program = ["run", "-A", MAIN] } = surroundings;
    const [command, ...words] = surroundings.command ?? [Deno.execPath(), ...program];
    this.#name = args.slice(0, 2).join(" ");
    this.#deadlineMs = surroundings.deadlineMs ?? DEADLINE_MS;
    this.#child = new Deno.Command(command, {
      args: [...words, ...args],
      cwd,
      clearEnv: true,
      env: { ...neutralEnvironment(), XDG_CONFIG_HOME: cwd, NO_COLOR: "1", ...env },
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.ended = this.#run(stdin);
  }

  /** What it has said so far. */
  get out(): string {
    return this.#said.out;
  }

  /** What it has told so far beside its data. */
  get err(): string {
    return this.#said.err;
  }

  /** Whether it runs still. */
  get isRunning(): boolean {
    return !this.#hasEnded;
  }

  /** Sends a signal; none when it has ended. */
  kill(signal: Deno.Signal): void {
    if (!this.#hasEnded) this.#child.kill(signal);
  }

  /** Waits until it says on standard error, or for `count` times has said, what matches. */
  async told(pattern: RegExp, count = 1): Promise<RegExpMatchArray> {
    return await this.#heard("err", pattern, count);
  }

  /** The same for standard output. */
  async said(pattern: RegExp, count = 1): Promise<RegExpMatchArray> {
    return await this.#heard("out", pattern, count);
  }

  /** Asks it to stop, and waits until it has. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Ended> {
    this.kill(signal);
    return await this.end();
  }

  /** Waits until it has ended by itself. */
  async end(): Promise<Ended> {
    await this.#eventually("ends", () => this.#hasEnded);
    return await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended;
  }

  async #heard(stream: "out" | "err", pattern: RegExp, count: number): Promise<RegExpMatchArray> {
    const all = new RegExp(pattern, `${pattern.flags.replaceAll("g", "")}g`);
    return await this.#eventually(`says ${pattern}`, () => {
      const found = [...this.#said[stream].matchAll(all)][count - 1];
      if (!found && this.#hasEnded) throw new Error(`It has ended: ${this.#everything()}`);
      return found;
    });
  }

  #eventually<T>(does: string, look: () => T): Promise<There<T>> {
    const what = `${this.#name} ${does}`;
    return eventually(what, look, () => this.#everything(), this.#deadlineMs);
  }

  #everything(): string {
    return `it said: ${this.out}\nit told: ${this.err}`;
  }

  async #run(stdin: string | Uint8Array | undefined): Promise<Ended> {
    const [{ code }] = await Promise.all([
      this.#child.status,
      this.#listen("out", this.#child.stdout),
      this.#listen("err", this.#child.stderr),
      stdin === undefined ? undefined : this.#feed(stdin),
    ]);
    this.#hasEnded = true;
    return { code, ...this.#said };
  }

  async #listen(stream: "out" | "err", pipe: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of pipe.pipeThrough(new TextDecoderStream())) this.#said[stream] += text;
  }

  async #feed(stdin: string | Uint8Array): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    try {
      await writer.write(typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin);
      await writer.close();
    } catch {
      // It has ended without reading everything.
    }
  }
}

/** Starts `sunspool ARGS`. */
export function start(args: readonly string[], surroundings: Surroundings): Program {
  return new Program(args, surroundings);
}

/** Runs `sunspool ARGS` to its end. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<Ended> {
  await using program = start(args, surroundings);
  return await program.end();
}

/** The environment without what would steer the program. */
export function neutralEnvironment(): Record<string, string> {
  const steering = /^(SUNSPEC_|NOTIFY_SOCKET|WATCHDOG_|XDG_CONFIG_HOME|CREDENTIALS_DIRECTORY)/;
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !steering.test(name)),
  );
}

/** Simulated devices in a process of their own. */
export interface Simulation {
  readonly program: Program;
  /** `127.x.y.z:port` of each endpoint. */
  readonly endpoints: readonly [string, ...string[]];
}

/** Starts `simulate`, and waits until it serves. */
export async function simulate(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<Simulation & AsyncDisposable> {
  const listen = args.includes("--listen") ? [] : ["--listen", `${loopbackNet()}.1:0`];
  const program = start(["simulate", "--json", ...listen, ...args], surroundings);
  try {
    await program.said(/^\]$/m);
    const served: readonly { endpoint: string }[] = JSON.parse(program.out);
    const [first = "", ...others] = served.map(({ endpoint }) => endpoint);
    return {
      program,
      endpoints: [first, ...others],
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** The first three bytes of 254 loopback addresses that no other test uses. */
export function loopbackNet(): string {
  const [a = 0, b = 0] = crypto.getRandomValues(new Uint8Array(2));
  return `127.${1 + a % 254}.${b}`;
}

/** A name that no resolver takes, even where there is none to ask: a label has 63 characters at most. */
export const NO_SUCH_HOST: string = `${"x".repeat(64)}.invalid`;

/** A port that nobody listens on at this address. */
export function freePort(hostname: string): number {
  using listener = Deno.listen({ hostname, port: 0 });
  return listener.addr.port;
}

/** A folder that is removed with everything in it when it goes out of scope. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = Deno.makeTempDirSync({ prefix: "sunspool-test-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/**
 * Waits until something is so.
 *
 * @param look gives what was waited for; anything false = not yet
 * @param detail what a failure tells
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  detail: () => string = () => "",
  deadlineMs: number = DEADLINE_MS,
): Promise<There<T>> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (isThere(found)) return found;
    if (performance.now() > giveUpAt) {
      throw new Error(`It did not happen within ${deadlineMs} ms that ${what}; ${detail()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

type There<T> = Exclude<NonNullable<T>, false>;

function isThere<T>(found: T): found is There<T> {
  return Boolean(found);
}
