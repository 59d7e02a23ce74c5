import { aborted } from "./backoff.ts";

/** The wish to stop: the first signal asks, a later one insists. */
export interface StopSignals {
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly stopping: AbortSignal;
  /** The name of that signal, once it has come. */
  readonly first: Promise<"SIGINT" | "SIGTERM">;
  /** Aborts at another one that comes at least a second later. */
  readonly insisting: AbortSignal;
}

/** The wish that the configuration be read anew. */
export interface ReloadSignals {
  /**
   * Waits for a SIGHUP; all that came since the last one was waited for are one.
   *
   * @returns false when `signal` aborts first
   */
  next(signal: AbortSignal): Promise<boolean>;
}

/** A task runner hands one Ctrl-C on a second time within milliseconds. */
const SAME_SIGNAL_MS = 1000;

interface Listening extends StopSignals {
  hear(name: "SIGINT" | "SIGTERM"): void;
}

let listening: Listening | undefined;
let reloading: ReloadSignals | undefined;

/** Listens for SIGINT and SIGTERM from the first call on; gives the same each time. */
export function stopSignals(): StopSignals {
  return listening ??= listen();
}

/**
 * Listens for SIGHUP from the first call on; gives the same each time. When the terminal goes that
 * the program was started at, nobody wants a reload: that is a wish to stop.
 */
export function reloadSignals(): ReloadSignals {
  return reloading ??= listenForReloads();
}

function listen(): Listening {
  const stopping = new AbortController();
  const insisting = new AbortController();
  const first = Promise.withResolvers<"SIGINT" | "SIGTERM">();
  let firstAt = Number.NaN;
  const hear = (name: "SIGINT" | "SIGTERM") => {
    if (!stopping.signal.aborted) {
      firstAt = performance.now();
      stopping.abort();
      first.resolve(name);
    } else if (performance.now() - firstAt >= SAME_SIGNAL_MS) {
      insisting.abort();
    }
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => hear(name));
  }
  return { stopping: stopping.signal, first: first.promise, insisting: insisting.signal, hear };
}

function listenForReloads(): ReloadSignals {
  const hadTerminal = Deno.stdin.isTerminal();
  const { hear } = listening ??= listen();
  let wanted = new AbortController();
  Deno.addSignalListener("SIGHUP", () => {
    // A terminal that hung up answers no more.
    if (hadTerminal && !Deno.stdin.isTerminal()) hear("SIGTERM");
    else wanted.abort();
  });
  return {
    async next(signal) {
      await aborted(wanted.signal, signal);
      if (signal.aborted) return false;
      wanted = new AbortController();
      return true;
    },
  };
}
