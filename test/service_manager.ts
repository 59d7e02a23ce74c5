/** Plays systemd: hears what a service says to the socket that `NOTIFY_SOCKET` names. */
export class ServiceManager implements AsyncDisposable {
  /** What was heard, one entry a datagram, in order. */
  readonly heard: string[] = [];
  /** Where it listens, as `NOTIFY_SOCKET` names it. */
  readonly path: string;
  readonly #socket: Deno.DatagramConn;
  readonly #listening: Promise<void>;

  /** @param path a file, or an abstract name that begins with NUL */
  constructor(path: string) {
    this.path = path;
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
    this.#listening = this.#listen();
  }

  /** Stops listening. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#listening;
  }

  async #listen(): Promise<void> {
    for await (const [bytes] of this.#socket) this.heard.push(new TextDecoder().decode(bytes));
  }
}
