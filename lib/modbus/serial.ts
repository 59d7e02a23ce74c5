import { delay } from "../backoff.ts";
import { formatEndpoint, messageOf, type SerialEndpoint, TransportError } from "../core/mod.ts";
import type { ByteStream } from "./link.ts";

/** A line that was just closed may not give its first bytes to whoever opens it again at once. */
const REOPEN_MS = 150;
/** An idle line is read in vain for a tenth of a second; one that is gone, at once. */
const AT_ONCE_MS = 20;
const GONE_AFTER = 10;
/** Above this speed, silence between frames is fixed: MODBUS over Serial Line V1.02, section 2.5.1.1. */
const FAST_BAUD = 19_200;
const FAST_SILENCE_MS = 1.75;

/** How bytes travel along a line. */
export function lineTimes({ baud, parity, stop }: Omit<SerialEndpoint, "path" | "scheme">): {
  /** The time a byte takes. */
  readonly byteMs: number;
  /** The silence before each frame. */
  readonly silenceMs: number;
} {
  const bits = 1 + 8 + (parity === "none" ? 0 : 1) + stop;
  const byteMs = bits * 1000 / baud;
  return { byteMs, silenceMs: baud > FAST_BAUD ? FAST_SILENCE_MS : 3.5 * byteMs };
}

const PARITY = {
  none: ["-parenb"],
  even: ["parenb", "-parodd"],
  odd: ["parenb", "parodd"],
} as const;

/** The words of stty(1) for a line: eight bits, nothing interpreted, reads that end after 100 ms. */
export function sttyWords({ baud, parity, stop }: SerialEndpoint): readonly string[] {
  return [
    ...["raw", "-echo", "cs8", "-crtscts", "clocal", "cread", "min", "0", "time", "1"],
    ...PARITY[parity],
    stop === 2 ? "cstopb" : "-cstopb",
    String(baud),
  ];
}

/** A serial line as a stream of bytes. Two handles: a read that waits would hold writes up. */
export class SerialLine implements ByteStream {
  /** The time a byte takes. */
  readonly byteMs: number;
  readonly #reader: Deno.FsFile;
  readonly #writer: Deno.FsFile;
  readonly #silenceMs: number;
  /** When the last handle was closed, on the clock of `performance.now()`. */
  readonly #closed = Promise.withResolvers<number>();
  #isClosed = false;
  #isReading = false;
  #busyUntil = 0;

  /** See {@linkcode openSerial}. */
  constructor(endpoint: SerialEndpoint, reader: Deno.FsFile, writer: Deno.FsFile) {
    const { byteMs, silenceMs } = lineTimes(endpoint);
    this.byteMs = byteMs;
    this.#silenceMs = silenceMs;
    this.#reader = reader;
    this.#writer = writer;
  }

  async read(into: Uint8Array): Promise<number | null> {
    this.#isReading = true;
    try {
      for (let inVain = 0; !this.#isClosed;) {
        const startedAt = performance.now();
        const count = await this.#reader.read(into);
        const now = performance.now();
        if (count !== null && count > 0 && !this.#isClosed) {
          this.#busyUntil = now;
          return count;
        }
        inVain = now - startedAt < AT_ONCE_MS ? inVain + 1 : 0;
        if (inVain < GONE_AFTER) continue;
        throw new Error("the serial line is gone; was it unplugged?");
      }
      return null;
    } finally {
      this.#isReading = false;
      if (this.#isClosed) this.#closeReader();
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    for (;;) {
      const wait = this.#busyUntil + this.#silenceMs - performance.now();
      if (wait <= 0) break;
      await delay(Math.ceil(wait));
    }
    const count = await this.#writer.write(bytes);
    this.#busyUntil = performance.now() + count * this.byteMs;
    return count;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#writer.close();
    if (!this.#isReading) this.#closeReader();
  }

  #closeReader(): void {
    this.#reader.close();
    this.#closed.resolve(performance.now());
  }

  /** Resolves when the line is closed and others may open it. */
  async released(): Promise<void> {
    const wait = await this.#closed.promise + REOPEN_MS - performance.now();
    if (wait > 0) await delay(Math.ceil(wait));
  }
}

/**
 * Opens a serial line, and keeps others off it.
 *
 * @throws {TransportError} with what is to be done about it
 */
export async function openSerial(endpoint: SerialEndpoint): Promise<SerialLine> {
  const { path } = endpoint;
  // Without `clocal` opening some lines waits for a modem that is not there.
  await stty(endpoint, ["clocal"]);
  let reader: Deno.FsFile | undefined;
  try {
    reader = await Deno.open(path, { read: true });
    if (!reader.tryLockSync(true)) throw new Deno.errors.Busy("Device or resource busy");
    await stty(endpoint, sttyWords(endpoint));
    return new SerialLine(endpoint, reader, await Deno.open(path, { write: true }));
  } catch (cause) {
    reader?.close();
    throw cause instanceof TransportError ? cause : lineError(endpoint, messageOf(cause), cause);
  }
}

async function stty(endpoint: SerialEndpoint, words: readonly string[]): Promise<void> {
  try {
    const { success, stderr } = await new Deno.Command("stty", {
      args: ["-F", endpoint.path, ...words],
      env: { LC_ALL: "C" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw lineError(endpoint, new TextDecoder().decode(stderr));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw lineError(endpoint, "there is no stty on the PATH; install coreutils", cause);
  }
}

/** What the system says about a line, what it means, and what kind of fault that is. */
const REASONS = [
  [/No such (file|device)/, "there is no such device; is it plugged in?", "unreachable"],
  [
    /Permission denied/,
    "permission denied; add the user to group dialout: usermod -aG dialout USER",
    "denied",
  ],
  [/resource busy/, "another program uses it; stop that one first", "refused"],
  [/Inappropriate ioctl|Not a typewriter/, "it is no serial line", "unreachable"],
  [
    /invalid argument|unable to perform/i,
    "the line cannot do this speed, parity or number of stop bits",
    "unreachable",
  ],
] as const;

function lineError(endpoint: SerialEndpoint, said: string, cause?: unknown): TransportError {
  const [, why = said.trim(), fault = "unreachable" as const] =
    REASONS.find(([pattern]) => pattern.test(said)) ?? [];
  return new TransportError(`Cannot open "${formatEndpoint(endpoint)}": ${why}`, fault, { cause });
}
