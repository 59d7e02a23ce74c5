/** The wish to stop: the first signal asks, a later one insists. */
export interface StopSignals {
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly stopping: AbortSignal;
  /** The name of that signal, once it has come. */
  readonly first: Promise<"SIGINT" | "SIGTERM">;
  /** Aborts at another one that comes at least a second later. */
  readonly insisting: AbortSignal;
}

/** A task runner hands one Ctrl-C on a second time within milliseconds. */
const SAME_SIGNAL_MS = 1000;

let listening: StopSignals | undefined;

/** Listens for SIGINT and SIGTERM from the first call on; gives the same each time. */
export function stopSignals(): StopSignals {
  return listening ??= listen();
}

function listen(): StopSignals {
  const stopping = new AbortController();
  const insisting = new AbortController();
  const first = Promise.withResolvers<"SIGINT" | "SIGTERM">();
  let firstAt = Number.NaN;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => {
      if (!stopping.signal.aborted) {
        firstAt = performance.now();
        stopping.abort();
        first.resolve(name);
      } else if (performance.now() - firstAt >= SAME_SIGNAL_MS) {
        insisting.abort();
      }
    });
  }
  return { stopping: stopping.signal, first: first.promise, insisting: insisting.signal };
}
