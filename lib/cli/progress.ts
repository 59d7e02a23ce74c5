import type { Io } from "./io.ts";

/** Tells how far a long work is: a bar on a terminal, a line every ten seconds elsewhere. */
export interface Progress extends Disposable {
  /** Says where the work stands. */
  update(done: number, note: string): void;
}

const REDRAW_MS = 100;
const LINE_MS = 10_000;
const BAR_WIDTH = 30;

/**
 * Starts to tell.
 *
 * @param what the work, as `scanning`
 * @param total what `done` counts towards
 */
export function startProgress(io: Io, what: string, total: number): Progress {
  const startedAt = performance.now();
  let saidAt = io.isErrTerminal ? Number.NEGATIVE_INFINITY : startedAt;
  let isDrawn = false;
  return {
    update(done, note) {
      const now = performance.now();
      if (now - saidAt < (io.isErrTerminal ? REDRAW_MS : LINE_MS)) return;
      saidAt = now;
      const text = `${what} ${done}/${total}${note === "" ? "" : `, ${note}`}`;
      if (!io.isErrTerminal) return io.err(`${text}\n`);
      isDrawn = true;
      const filled = Math.round(BAR_WIDTH * done / Math.max(total, 1));
      io.err(`\r\x1b[K[${"#".repeat(filled).padEnd(BAR_WIDTH)}] ${text}`);
    },
    [Symbol.dispose]() {
      if (isDrawn) io.err("\r\x1b[K");
      isDrawn = false;
    },
  };
}
