/** How waiting times grow. */
export interface BackoffOptions {
  /** The first wait. */
  readonly initialMs: number;
  /** The longest wait. */
  readonly maxMs: number;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
}

/** The wait before try `attempt` (0 = the first retry): doubling up to the maximum, half of it by chance. */
export function backoff(attempt: number, { initialMs, maxMs, random }: BackoffOptions): number {
  const full = Math.min(maxMs, initialMs * 2 ** Math.min(attempt, 30));
  return full / 2 + random() * full / 2;
}

/** Waits, or throws the signal's reason as soon as it aborts. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Waits at most `ms`; true when the signal aborted meanwhile. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, signal);
    return false;
  } catch {
    return true;
  }
}

/** Waits for something to end, and throws what it throws, but leaves it alone after `ms`. */
export async function waitAtMost(ms: number, ending: PromiseLike<unknown>): Promise<void> {
  const ended = new AbortController();
  try {
    await Promise.race([ending, pause(ms, ended.signal)]);
  } finally {
    ended.abort();
  }
}

/** Resolves when the first of these aborts. */
export function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of signals) signal.removeEventListener("abort", stop);
      resolve();
    };
    if (signals.some((signal) => signal.aborted)) return resolve();
    for (const signal of signals) signal.addEventListener("abort", stop, { once: true });
  });
}

/** A signal that aborts after some time, or with another; given back when it goes out of scope. */
export interface Deadline extends Disposable {
  /** Aborts when the time is over. */
  readonly signal: AbortSignal;
  /** Whether the time ran out. */
  readonly isOver: boolean;
}

/** Starts the time. Unlike `AbortSignal.any` it leaves nothing behind at the other signals. */
export function deadline(ms: number, ...others: readonly AbortSignal[]): Deadline {
  const controller = new AbortController();
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    controller.abort();
  }, ms);
  const stop = () => controller.abort();
  for (const other of others) {
    if (other.aborted) stop();
    else other.addEventListener("abort", stop, { once: true });
  }
  return {
    signal: controller.signal,
    get isOver() {
      return isOver;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const other of others) other.removeEventListener("abort", stop);
    },
  };
}
