/** Tells the service manager how the service is: sd_notify(3). */
export interface Notifier extends Disposable {
  /** Sends state lines, as `READY=1` or `STATUS=polling 3 devices`. */
  notify(...lines: readonly string[]): void;
  /** How often to tell the manager `WATCHDOG=1`, in milliseconds; undefined = not at all. */
  readonly watchdogMs: number | undefined;
}

const SILENT: Notifier = { notify() {}, watchdogMs: undefined, [Symbol.dispose]() {} };

/**
 * Connects to the service manager that `NOTIFY_SOCKET` names; silent when there is none.
 *
 * @param failed told once when the manager cannot be reached; the service runs on without it
 */
export function connectNotifier(failed: (error: unknown) => void): Notifier {
  const name = Deno.env.get("NOTIFY_SOCKET");
  if (!name) return SILENT;
  try {
    return new SocketNotifier(name, failed);
  } catch (error) {
    failed(error);
    return SILENT;
  }
}

class SocketNotifier implements Notifier {
  readonly watchdogMs: number | undefined = watchdogInterval();
  readonly #socket: Deno.DatagramConn;
  readonly #address: Deno.UnixAddr;
  readonly #failed: (error: unknown) => void;
  #hasFailed = false;
  #sent: Promise<unknown> = Promise.resolve();

  constructor(name: string, failed: (error: unknown) => void) {
    // Without a path the socket is not bound, so that no file is left behind. The types ask for one.
    const unbound: Deno.UnixListenOptions & { transport: "unixpacket" } = JSON.parse(
      '{"transport":"unixpacket"}',
    );
    this.#socket = Deno.listenDatagram(unbound);
    // A leading @ stands for NUL: the abstract name space of Linux.
    this.#address = { transport: "unixpacket", path: name.replace(/^@/, "\0") };
    this.#failed = failed;
  }

  notify(...lines: readonly string[]): void {
    const message = new TextEncoder().encode(lines.join("\n"));
    // In order, and one at a time: the socket refuses a second one meanwhile.
    this.#sent = this.#sent.then(() => this.#socket.send(message, this.#address)).catch((error) => {
      if (!this.#hasFailed) this.#failed(error);
      this.#hasFailed = true;
    });
  }

  /** Once everything is sent. */
  [Symbol.dispose](): void {
    this.#sent.finally(() => this.#socket.close());
  }
}

/**
 * Storage may stall for most of what the manager allows, and with it everything: the last ping
 * before that must not be old already. sd_watchdog_enabled(3) asks for half of it at most.
 */
const PINGS = 12;

function watchdogInterval(): number | undefined {
  const microseconds = Number(Deno.env.get("WATCHDOG_USEC"));
  const pid = Deno.env.get("WATCHDOG_PID");
  if (!(microseconds > 0) || (pid !== undefined && Number(pid) !== Deno.pid)) return undefined;
  return Math.max(microseconds / 1000 / PINGS, 1);
}
