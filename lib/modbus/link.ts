import { messageOf, ProtocolError, TransportError } from "../core/mod.ts";
import {
  checkReply,
  decodeFrame,
  encodeFrame,
  type Frame,
  frameEnd,
  MAX_FRAME_LENGTH,
} from "./frame.ts";

/** A connection that carries bytes; `Deno.Conn` is one. */
export interface ByteStream {
  /** null = the other side closed. */
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Stale replies to swallow for one request before the connection counts as broken. */
const STALE_LIMIT = 16;

/** What one exchange asks for. */
export interface Exchange {
  readonly unitId: number;
  readonly pdu: Uint8Array;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told of each reply that belongs to an earlier request. */
  onStale(): void;
}

interface Pending {
  readonly request: Frame;
  readonly exchange: Exchange;
  stale: number;
  resolve(pdu: Uint8Array): void;
  reject(error: Error): void;
}

/**
 * One Modbus TCP connection that trusts nothing: one request in flight, and each reply held
 * against it. A reply to an earlier request is dropped and counted; any other deviation, and the
 * deadline, ends the connection.
 */
export class Link {
  readonly #stream: ByteStream;
  readonly #name: string;
  #nextTransactionId: number;
  #received = new Uint8Array(0);
  #pending: Pending | undefined;
  #failure: Error | undefined;

  /**
   * Takes over an open stream.
   *
   * @param name the endpoint, for messages
   * @param transactionId the first transaction id, 0–65535
   */
  constructor(stream: ByteStream, name: string, transactionId: number) {
    this.#stream = stream;
    this.#name = name;
    this.#nextTransactionId = transactionId;
    this.#receive();
  }

  /** False once either side has closed it. */
  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /** The id the next request will carry; a new link goes on from here. */
  get nextTransactionId(): number {
    return this.#nextTransactionId;
  }

  /**
   * Sends a request and gives the PDU of its answer, an exception included.
   *
   * @throws {TransportError} the connection is gone then
   */
  async exchange(exchange: Exchange): Promise<Uint8Array> {
    if (this.#failure) throw this.#failure;
    if (this.#pending) throw new Error("A request is in flight already");
    const { unitId, pdu, timeoutMs, signal } = exchange;
    signal.throwIfAborted();
    const request = { transactionId: this.#nextTransactionId, unitId, pdu };
    this.#nextTransactionId = (this.#nextTransactionId + 1) % 0x1_0000;
    const answer = new Promise<Uint8Array>((resolve, reject) => {
      this.#pending = { request, exchange, stale: 0, resolve, reject };
    });
    const deadline = setTimeout(() => {
      const text =
        `Cannot read from "${this.#name}" unit ${unitId}: no answer within ${timeoutMs} ms`;
      this.#end(new TransportError(text, "timeout"));
    }, timeoutMs);
    const abort = () =>
      this.#end(new TransportError(`Cannot read from "${this.#name}": stopped`, "closed"));
    signal.addEventListener("abort", abort, { once: true });
    try {
      this.#send(encodeFrame(request));
      return await answer;
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener("abort", abort);
      this.#pending = undefined;
    }
  }

  /** Closes the connection; a request in flight fails. */
  close(): void {
    this.#end(new TransportError(`The connection to "${this.#name}" is closed`, "closed"));
  }

  async #send(bytes: Uint8Array): Promise<void> {
    try {
      let sent = 0;
      while (sent < bytes.length) sent += await this.#stream.write(bytes.subarray(sent));
    } catch (cause) {
      this.#end(this.#lost(messageOf(cause), cause));
    }
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
      this.#end(
        cause instanceof ProtocolError ? this.#broken(cause) : this.#lost(messageOf(cause), cause),
      );
    }
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
    const bytes = new Uint8Array(this.#received.length + chunk.length);
    bytes.set(this.#received);
    bytes.set(chunk, this.#received.length);
    let start = 0;
    for (;;) {
      const end = frameEnd(bytes.subarray(start));
      if (end === undefined) break;
      this.#answer(decodeFrame(bytes.subarray(start, start + end)));
      start += end;
    }
    this.#received = bytes.slice(start);
  }

  #answer(reply: Frame): void {
    const pending = this.#pending;
    if (!pending) return;
    if (reply.transactionId !== pending.request.transactionId) {
      pending.exchange.onStale();
      pending.stale++;
      if (pending.stale < STALE_LIMIT) return;
      throw new ProtocolError(`${STALE_LIMIT} stale replies in a row`);
    }
    checkReply(pending.request, reply);
    this.#pending = undefined;
    pending.resolve(reply.pdu);
  }

  #end(reason: Error): void {
    if (this.#failure) return;
    this.#failure = reason;
    this.#pending?.reject(reason);
    try {
      this.#stream.close();
    } catch {
      // The socket is gone already.
    }
  }
}
