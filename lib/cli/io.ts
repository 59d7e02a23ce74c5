import { messageOf } from "../core/mod.ts";
import { writeStderr } from "../log.ts";
import { reloadSignals, stopSignals } from "../signals.ts";
import { type Permission, revokePermissions } from "./permissions.ts";

/** What a command sees of the world around it. */
export interface Io {
  /** Writes data to standard output. */
  out(text: string): void;
  /** Writes everything else to standard error. */
  err(text: string): void;
  /** Whether standard output is a terminal that may be coloured. */
  readonly isTerminal: boolean;
  /** Whether standard error is a terminal whose lines may be redrawn. */
  readonly isErrTerminal: boolean;
  /** Whether the operating system lets this process do everything. */
  readonly isRoot: boolean;
  /** Characters in a line of the terminal; 80 when there is none. */
  readonly columns: number;
  /** A variable of the environment. */
  env(name: string): string | undefined;
  /** The names of all of them. */
  envNames(): readonly string[];
  /** Gives permissions up, for good: whoever takes the program over later gets no more than is left. */
  giveUp(permissions: readonly Permission[]): void;
  /** Hears SIGINT and SIGTERM from now on, and SIGHUP if asked to, whoever wants them later. */
  heedSignals(reloads: boolean): void;
}

/** Standard output takes nothing more: going on makes no sense. */
export class OutputFailed extends Error {
  static {
    this.prototype.name = "OutputFailed";
  }
}

/** Standard output was closed by its reader, as `head` does: the command has nothing left to do. */
export class OutputClosed extends OutputFailed {
  static {
    this.prototype.name = "OutputClosed";
  }
}

/** The process's own streams and environment. */
export function processIo(): Io {
  const colour = Deno.env.get("NO_COLOR") === undefined;
  return {
    out: writeStdout,
    err: writeStderr,
    isTerminal: Deno.stdout.isTerminal() && colour,
    isErrTerminal: Deno.stderr.isTerminal() && colour,
    isRoot: Deno.uid() === 0,
    columns: columnsOf(),
    env: (name) => Deno.env.get(name),
    envNames: () => Object.keys(Deno.env.toObject()),
    giveUp: revokePermissions,
    heedSignals(reloads) {
      stopSignals();
      if (reloads) reloadSignals();
    },
  };
}

function writeStdout(text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) throw new OutputClosed("closed", { cause });
    throw new OutputFailed(`Cannot write to standard output: ${messageOf(cause)}`, { cause });
  }
}

function columnsOf(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80;
  }
}
