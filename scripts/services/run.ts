/** What a program left behind. */
export interface Outcome {
  /** Exit code; above 128 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program. */
export interface RunOptions {
  /** What it reads on its standard input; nothing by default. */
  readonly input?: string | Uint8Array<ArrayBuffer>;
  /** It is killed after this time; a minute by default. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end; a missing one gives code 127, as in a shell. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const { input = "", timeoutMs = 60_000 } = options;
  try {
    const child = new Deno.Command(command, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    using _deadline = killAfter(child, timeoutMs);
    const [output] = await Promise.all([child.output(), feed(child.stdin, input)]);
    return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, stdout: "", stderr: `no ${command} on the PATH` };
  }
}

/** As `run`, but gives its output alone and throws when it fails. */
export async function runOrThrow(
  command: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code === 0) return stdout;
  const why = complaint(`${stdout}\n${stderr}`);
  throw new Error(`Cannot run "${[command, ...args].join(" ")}": it ended with ${code}: ${why}`);
}

/** Sends a signal; nothing happens when the program has ended already. */
export function sendSignal(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch {
    // It has ended, as its status tells.
  }
}

/** Where the PATH has a program, or other folders written alike. */
export async function findCommand(
  name: string,
  folders: string = Deno.env.get("PATH") ?? "",
): Promise<string | undefined> {
  for (const folder of folders.split(":").filter(Boolean)) {
    const path = `${folder}/${name}`;
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/** What went wrong, from all that a program said: its lines on errors, else its last ones. */
export function complaint(said: string): string {
  const lines = said.split("\n").filter((line) =>
    line.trim() !== "" && !/^\s+at | INFO /.test(line)
  );
  const faults = lines.filter((line) => /\bERROR\b|FATAL|Exception\b|Error:/.test(line));
  return (faults.length > 0 ? faults : lines).slice(-8).join("\n");
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    return false;
  }
}

/** Writes all of it; a program that ends without reading it is not at fault. */
async function feed(
  stdin: WritableStream<Uint8Array<ArrayBuffer>>,
  input: string | Uint8Array<ArrayBuffer>,
): Promise<void> {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  await new Blob([bytes]).stream().pipeTo(stdin).catch(() => {});
}

function killAfter(child: Deno.ChildProcess, timeoutMs: number): Disposable {
  const timer = setTimeout(() => sendSignal(child, "SIGKILL"), timeoutMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
