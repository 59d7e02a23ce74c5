import { deadline } from "../backoff.ts";
import {
  type Endpoint,
  formatEndpoint,
  messageOf,
  type NetworkEndpoint,
  NotConnectedError,
} from "../core/mod.ts";
import { mbap } from "./framing.ts";
import { type ByteStream, Link, type OpenLink } from "./link.ts";
import { noisyRtu, strictRtu } from "./rtu.ts";
import { openSerial, type SerialLine } from "./serial.ts";
import { type Recorder, RecordingLink } from "./recording_link.ts";
import { LateReplies, SettlingLink } from "./settling_link.ts";
import { type TlsCertificates, TlsConnector, tlsStream } from "./tls.ts";

/** How a link is to be opened. */
export interface OpenOptions {
  /** The first transaction id, 0–65535. */
  readonly transactionId: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What a link is opened with, beyond where. */
export interface OpenerOptions {
  /** For `tls://`: whom to trust, and who we are. */
  readonly tls?: TlsCertificates | undefined;
  /** Takes what is exchanged; undefined = nothing is recorded. */
  readonly recorder?: Recorder | undefined;
}

const NO_CERTIFICATES: TlsCertificates = { ca: undefined, own: undefined };

/** Opens links to one endpoint, one after the other. */
export class LinkOpener {
  readonly #endpoint: Endpoint;
  readonly #name: string;
  readonly #tls: TlsConnector | undefined;
  readonly #late = new LateReplies();
  readonly #recorder: Recorder | undefined;
  #line: SerialLine | undefined;

  /** Nothing is opened before `open`. */
  constructor(endpoint: Endpoint, { tls = NO_CERTIFICATES, recorder }: OpenerOptions = {}) {
    this.#endpoint = endpoint;
    this.#name = formatEndpoint(endpoint);
    this.#recorder = recorder;
    if (endpoint.scheme === "tls") this.#tls = new TlsConnector(endpoint, tls);
  }

  /** Whether what happened on earlier links matters to later ones: then it must outlive them. */
  get remembers(): boolean {
    return this.#endpoint.scheme !== "tcp";
  }

  /**
   * Opens a link.
   *
   * @throws {TransportError} when it cannot be reached within the time
   */
  async open(options: OpenOptions): Promise<OpenLink> {
    const recorder = this.#recorder;
    if (!recorder) return await this.#open(options);
    try {
      return new RecordingLink(await this.#open(options), this.#name, recorder);
    } catch (error) {
      recorder(`# ${new Date().toISOString()} ${messageOf(error).replaceAll("\n", " ")}\n`);
      throw error;
    }
  }

  async #open({ transactionId, timeoutMs, signal }: OpenOptions): Promise<OpenLink> {
    const endpoint = this.#endpoint;
    if (endpoint.scheme === "serial") {
      await this.#line?.released();
      signal.throwIfAborted();
      const line = await openSerial(endpoint);
      this.#line = line;
      const link = new Link(line, this.#name, transactionId, noisyRtu);
      return new SettlingLink(link, this.#late, line.byteMs);
    }
    const stream = await this.#connect(endpoint, timeoutMs, signal);
    if (endpoint.scheme !== "rtu+tcp") return new Link(stream, this.#name, transactionId, mbap);
    const link = new Link(stream, this.#name, transactionId, strictRtu);
    return new SettlingLink(link, this.#late, 0);
  }

  async #connect(
    endpoint: NetworkEndpoint,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ByteStream> {
    using limit = deadline(timeoutMs, signal);
    const tls = this.#tls;
    try {
      if (tls) {
        const connection = await tls.connect(limit.signal);
        return tlsStream(
          connection,
          (cause) => tls.explain(`Cannot read from "${this.#name}"`, cause),
        );
      }
      const { host: hostname, port } = endpoint;
      const connection = await Deno.connect({ hostname, port, signal: limit.signal });
      connection.setNoDelay();
      return connection;
    } catch (cause) {
      signal.throwIfAborted();
      if (limit.isOver) throw connectError(this.#name, cause, timeoutMs);
      throw tls?.explain(`Cannot connect to "${this.#name}"`, cause) ??
        connectError(this.#name, cause);
    }
  }
}

function connectError(name: string, cause: unknown, timeoutMs?: number): NotConnectedError {
  const failed = `Cannot connect to "${name}"`;
  if (timeoutMs !== undefined) {
    return new NotConnectedError(`${failed}: no answer within ${timeoutMs} ms`, "timeout", {
      cause,
    });
  }
  if (cause instanceof Deno.errors.ConnectionRefused) {
    return new NotConnectedError(
      `${failed}: refused; is Modbus TCP switched on there, and no other client connected?`,
      "refused",
      { cause },
    );
  }
  const message = messageOf(cause);
  const why = /failed to lookup address/.test(message)
    ? "no such host"
    : message.replace(/ \(os error \d+\)$/, "");
  return new NotConnectedError(`${failed}: ${why}`, "unreachable", { cause });
}
