import { pause } from "../../lib/backoff.ts";
import { sendSignal } from "./run.ts";

/** A server in a process of its own. Ends, together with its folder, when our process dies. */
export interface ServerProcess {
  /** Its exit code, once it has ended. */
  readonly exited: Promise<number>;
  /** Sends a signal; nothing happens when it has ended already. */
  signal(name: Deno.Signal): void;
  /** Asks it to end, kills it when it has not after the deadline, and waits for its end. */
  stop(deadlineMs: number): Promise<void>;
}

/** What a server needs apart from its words. */
export interface ServerOptions {
  /** Removed by the guard when our process dies without having stopped the server. */
  readonly folder: string;
  /** Gets what it says, after what is there. */
  readonly logFile: string;
}

/** Starts a server. */
export function startServer(command: readonly string[], options: ServerOptions): ServerProcess {
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" >>"$0" 2>&1', options.logFile, ...command],
    stdin: "null",
  }).spawn();
  const guard = startGuard(child.pid, options.folder);
  const exited = child.status.then(async ({ code }) => {
    await guard[Symbol.asyncDispose]();
    return code;
  });
  const signal = (name: Deno.Signal) => sendSignal(child, name);
  return { exited, signal, stop: (deadlineMs) => stop(exited, { signal, deadlineMs }) };
}

/**
 * A shell that reads a pipe which only our process holds open. When that ends, even by SIGKILL,
 * it kills the server and removes the folder: otherwise each aborted test run leaves a JVM behind.
 */
function startGuard(pid: number, folder: string): AsyncDisposable {
  const script = 'trap "" INT TERM HUP; read -r _; kill -9 "$1"; rm -rf "$2"';
  const guard = new Deno.Command("sh", {
    args: ["-c", script, "guard", String(pid), folder],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      sendSignal(guard, "SIGKILL");
      await guard.status;
      await guard.stdin.close().catch(() => {});
    },
  };
}

async function stop(
  exited: Promise<number>,
  { signal, deadlineMs }: { signal: (name: Deno.Signal) => void; deadlineMs: number },
): Promise<void> {
  const ended = new AbortController();
  const killLater = pause(deadlineMs, ended.signal).then((hasEnded) =>
    hasEnded || signal("SIGKILL")
  );
  signal("SIGTERM");
  signal("SIGCONT"); // a frozen process gets no other signal but SIGKILL
  await exited;
  ended.abort();
  await killLater;
}
