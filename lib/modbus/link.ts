import { messageOf, ProtocolError, TransportError } from "../core/mod.ts";
import { delay } from "../backoff.ts";
import { BytePool } from "../byte_pool.ts";
import { Deadlines, type Expiring, now } from "./deadlines.ts";
import { type Frame, MAX_FRAME_LENGTH } from "./frame.ts";
import { type Framing, mbap } from "./framing.ts";

/** A connection that carries bytes; `Deno.Conn` is one. */
export interface ByteStream {
  /** null = the other side closed. */
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Stale replies to swallow for one request before the connection counts as broken. */
const STALE_LIMIT = 16;

/** How often bytes may break a silence before it is given up. */
const NOISE_LIMIT = 20;

/** What one exchange asks for. */
export interface Exchange {
  readonly unitId: number;
  /** Stays as it is until the exchange is over. */
  readonly pdu: Uint8Array;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told of each reply that belongs to an earlier request. */
  onStale(): void;
}

/** A link as a session uses it. */
export interface OpenLink {
  /** False once either side has closed it. */
  readonly isOpen: boolean;
  /** The id the next request will carry; a new link goes on from here. */
  readonly nextTransactionId: number;
  /**
   * Sends a request and gives the PDU of its answer, an exception included.
   *
   * @throws {TransportError} the connection is gone then
   */
  exchange(exchange: Exchange): Promise<Uint8Array>;
  /** Closes the connection; a request in flight fails. */
  close(): void;
}

interface Pending {
  readonly request: Frame;
  readonly exchange: Exchange;
  stale: number;
  resolve(pdu: Uint8Array): void;
  reject(error: Error): void;
}

/** Of all links. */
const deadlines = new Deadlines();
/** Answers share arrays of so many bytes. */
const answers = new BytePool(8192);

const NOTHING = new Uint8Array(0);

/**
 * One connection that trusts nothing: one request in flight, and each reply held against it. A
 * reply to an earlier request is dropped and counted; any other deviation, and the deadline, ends
 * the connection.
 */
export class Link implements OpenLink, Expiring {
  /** When the request in flight has taken too long; see {@linkcode Expiring}. */
  dueAt: number = Number.POSITIVE_INFINITY;
  readonly #stream: ByteStream;
  readonly #name: string;
  readonly #framing: Framing;
  #nextTransactionId: number;
  #received: Uint8Array<ArrayBuffer> = NOTHING;
  #pending: Pending | undefined;
  #failure: Error | undefined;
  /** Whose abort it listens to: mostly one and the same request after request. */
  #signal: AbortSignal | undefined;
  readonly #stop = () => {
    if (!this.#pending) return;
    this.#end(new TransportError(`Cannot read from "${this.#name}": stopped`, "closed"));
  };
  /** A request that is on its way: the next may be written over it. */
  #spare: Uint8Array | undefined;
  #isDraining = false;
  #heard = 0;
  /** Bytes that came for the present request and are no reply. */
  #noise = 0;

  /**
   * Takes over an open stream.
   *
   * @param name the endpoint, for messages
   * @param transactionId the first transaction id, 0–65535
   */
  constructor(stream: ByteStream, name: string, transactionId: number, framing: Framing = mbap) {
    this.#stream = stream;
    this.#name = name;
    this.#nextTransactionId = transactionId;
    this.#framing = framing;
    this.#receive();
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  get nextTransactionId(): number {
    return this.#nextTransactionId;
  }

  exchange(exchange: Exchange): Promise<Uint8Array> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#pending) return Promise.reject(new Error("A request is in flight already"));
    const { unitId, pdu, timeoutMs, signal } = exchange;
    if (signal.aborted) return Promise.reject(signal.reason);
    this.#listenTo(signal);
    this.#noise = 0;
    const request = { transactionId: this.#nextTransactionId, unitId, pdu };
    this.#nextTransactionId = (this.#nextTransactionId + 1) % 0x1_0000;
    return new Promise((resolve, reject) => {
      this.#pending = { request, exchange, stale: 0, resolve, reject };
      this.dueAt = now() + timeoutMs;
      deadlines.start(this, timeoutMs);
      this.#send(this.#framing.encode(request, this.#spare));
    });
  }

  /** The request in flight has taken too long. */
  expire(): void {
    if (this.#pending) this.#end(this.#silence(this.#pending.exchange));
  }

  /** Throws away what comes, until nothing has come for `quietMs` or it seems that it never stops. */
  async drain(quietMs: number, signal: AbortSignal): Promise<void> {
    this.#isDraining = true;
    try {
      for (let i = 0, heard = -1; i < NOISE_LIMIT && this.isOpen && heard !== this.#heard; i++) {
        heard = this.#heard;
        await delay(quietMs, signal);
      }
    } finally {
      this.#isDraining = false;
    }
  }

  close(): void {
    this.#end(new TransportError(`The connection to "${this.#name}" is closed`, "closed"));
  }

  #silence({ unitId, timeoutMs }: Exchange): TransportError {
    const why = `no answer within ${timeoutMs} ms${this.#noiseText()}`;
    return new TransportError(`Cannot read from "${this.#name}" unit ${unitId}: ${why}`, "timeout");
  }

  #listenTo(signal: AbortSignal | undefined): void {
    if (signal === this.#signal) return;
    this.#signal?.removeEventListener("abort", this.#stop);
    signal?.addEventListener("abort", this.#stop, { once: true });
    this.#signal = signal;
  }

  #send(bytes: Uint8Array): void {
    this.#spare = undefined;
    this.#stream.write(bytes).then(
      (sent) => {
        if (sent < bytes.length) this.#send(bytes.subarray(sent));
        else this.#spare = bytes;
      },
      (cause) =>
        this.#end(cause instanceof TransportError ? cause : this.#lost(messageOf(cause), cause)),
    );
  }

  async #receive(): Promise<void> {
    const chunk = new Uint8Array(MAX_FRAME_LENGTH);
    try {
      while (this.isOpen) {
        const count = await this.#stream.read(chunk);
        if (count === null) return this.#end(this.#lost("the other side closed it"));
        this.#accept(chunk.subarray(0, count));
      }
    } catch (cause) {
      if (cause instanceof ProtocolError) this.#end(this.#broken(cause));
      else if (cause instanceof TransportError) this.#end(cause);
      else this.#end(this.#lost(messageOf(cause), cause));
    }
  }

  #noiseText(): string {
    const { hint } = this.#framing;
    const count = this.#noise + this.#received.length;
    return hint === undefined || count === 0 ? "" : `, but ${count} bytes that are none; ${hint}`;
  }

  #broken(cause: ProtocolError): ProtocolError {
    const unit = this.#pending ? ` unit ${this.#pending.request.unitId}` : "";
    return new ProtocolError(`Cannot read from "${this.#name}"${unit}: ${cause.message}`, {
      cause,
    });
  }

  #lost(why: string, cause?: unknown): TransportError {
    const text = `The connection to "${this.#name}" is lost: ${why}`;
    return new TransportError(text, "closed", { cause });
  }

  #accept(chunk: Uint8Array): void {
    this.#heard += chunk.length;
    if (this.#isDraining) return;
    let bytes = this.#received.length === 0 ? chunk : joined(this.#received, chunk);
    while (bytes.length > 0) {
      const taken = this.#framing.take(bytes, this.#pending?.request);
      if (!taken) break;
      if (taken.pdu) this.#answer(taken.pdu);
      else if (taken.isStale) this.#countStale();
      else this.#noise += taken.end;
      bytes = taken.end === bytes.length ? NOTHING : bytes.subarray(taken.end);
    }
    this.#received = bytes.length === 0 ? NOTHING : bytes.slice();
  }

  #answer(pdu: Uint8Array): void {
    this.#takePending()?.resolve(answers.copy(pdu));
  }

  #takePending(): Pending | undefined {
    const pending = this.#pending;
    if (!pending) return undefined;
    this.#pending = undefined;
    this.dueAt = Number.POSITIVE_INFINITY;
    deadlines.stop();
    return pending;
  }

  #countStale(): void {
    const pending = this.#pending;
    if (!pending) return;
    pending.exchange.onStale();
    pending.stale++;
    if (pending.stale < STALE_LIMIT) return;
    throw new ProtocolError(`${STALE_LIMIT} stale replies in a row`);
  }

  #end(reason: Error): void {
    if (this.#failure) return;
    this.#failure = reason;
    this.#listenTo(undefined);
    this.#takePending()?.reject(reason);
    deadlines.forget(this);
    try {
      this.#stream.close();
    } catch {
      // The socket is gone already.
    }
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
