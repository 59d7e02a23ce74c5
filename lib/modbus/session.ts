import { backoff, delay } from "../backoff.ts";
import {
  type Endpoint,
  formatEndpoint,
  ModbusException,
  type ReadRequest,
  type Transport,
  TransportError,
} from "../core/mod.ts";
import { Breaker, isSilence } from "./breaker.ts";
import {
  describeRead,
  exceptionOf,
  MAX_READ_QUANTITY,
  READ_PDU_LENGTH,
  readPdu,
  registersOf,
} from "./frame.ts";
import type { OpenLink } from "./link.ts";
import { LinkOpener, type OpenerOptions } from "./open.ts";
import { Pace, type PauseKind, type Pauses } from "./pace.ts";

/** How a session treats its connection. */
export interface SessionOptions extends OpenerOptions {
  /** How long to wait for a connection. */
  readonly connectTimeoutMs: number;
  /** How long to wait for an answer. */
  readonly requestTimeoutMs: number;
  /** Tries after the first one. */
  readonly retryCount: number;
  /** The wait before the first of them; doubles. */
  readonly retryBackoffMs: number;
  /** The longest wait between them. */
  readonly retryMaxBackoffMs: number;
  /** The pause a device needs between connecting and the first request; more is learned. */
  readonly connectDelayMs?: number | undefined;
  /** The pause a device needs between two requests; more is learned. */
  readonly interReadDelayMs: number;
  /** `hold` keeps the connection; `release` gives the device's slot back when nobody asks. */
  readonly session: "hold" | "release";
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
  /** Told of each pause that a device turned out to need. */
  readonly onLearned?: (endpoint: string, kind: PauseKind, ms: number) => void;
}

/** What differs between the users of one session. */
export interface UnitOptions {
  /** How long to wait for an answer. */
  readonly requestTimeoutMs?: number | undefined;
  /** Tries after the first one. */
  readonly retryCount?: number | undefined;
  /**
   * Whether nobody comes again: what may have been a moment's failure of the device, or of the
   * gateway before a unit id that has answered, is tried once more.
   */
  readonly isReadOnce?: boolean | undefined;
  /** Told how each request ended: `ok`, a transport fault, `exception_N`, `stale_reply`. */
  readonly observe?: ((result: string) => void) | undefined;
}

/** A request that was sent. */
interface Sent {
  readonly unitId: number;
  /** On its connection. */
  readonly isFirst: boolean;
  /** How long after the exchange before it. */
  readonly sinceMs: number;
}

/** Exception code. */
const DEVICE_FAILURE = 4;

/** How long a released session stays open for the next request. */
const RELEASE_AFTER_MS = 50;

/**
 * The one connection to an endpoint, shared by its unit ids: one request in flight, reconnected
 * when it breaks.
 */
export class Session {
  /** The endpoint in its one spelling. */
  readonly endpoint: string;
  readonly #options: SessionOptions;
  readonly #opener: LinkOpener;
  readonly #breaker: Breaker;
  readonly #pace: Pace;
  #link: OpenLink | undefined;
  #connections = 0;
  /** On which requests have been sent. */
  #usedLink: OpenLink | undefined;
  #connectedAt = Number.NEGATIVE_INFINITY;
  #transactionId: number;
  #isBusy = false;
  /** Those who wait until it is not, in the order they came. */
  readonly #turns: (() => void)[] = [];
  /** Of the request in flight. */
  readonly #pdu = new Uint8Array(READ_PDU_LENGTH);
  #lastExchange = Number.NEGATIVE_INFINITY;
  #failedConnects = 0;
  #closed = false;
  #noConnectBefore = 0;
  #connectFailure: Error | undefined;
  #release: ReturnType<typeof setTimeout> | undefined;

  /**
   * Nothing is opened before the first request.
   *
   * @param opener the one of an earlier session with this endpoint, if there was one
   */
  constructor(
    endpoint: Endpoint,
    options: SessionOptions,
    opener: LinkOpener = new LinkOpener(endpoint, options),
  ) {
    this.endpoint = formatEndpoint(endpoint);
    this.#opener = opener;
    this.#options = options;
    this.#transactionId = Math.floor(options.random() * 0x1_0000);
    this.#breaker = new Breaker(this.endpoint);
    const { connectDelayMs: connectMs = 0, interReadDelayMs: readMs } = options;
    this.#pace = new Pace(
      { connectMs, readMs },
      (kind, ms) => options.onLearned?.(this.endpoint, kind, ms),
    );
  }

  /** The pauses that are kept: those asked for, and what was learned beyond them. */
  get pauses(): Pauses {
    return this.#pace.pauses;
  }

  /** One unit id behind this endpoint. */
  unit(unitId: number, options: UnitOptions = {}): Transport {
    return {
      endpoint: this.endpoint,
      unitId,
      connections: () => this.#connections,
      readRegisters: (request, signal) => this.#read(unitId, request, options, signal),
    };
  }

  /**
   * Connects now instead of at the first request.
   *
   * @param observe told why it failed, as of a request
   * @throws {TransportError}
   */
  async connect(signal: AbortSignal, observe?: UnitOptions["observe"]): Promise<void> {
    await this.#takeTurn();
    try {
      await this.#connected(signal);
    } catch (error) {
      if (!signal.aborted) observe?.(resultOf(error));
      throw error;
    } finally {
      this.#passTurn();
    }
  }

  /** Closes the connection; a request in flight fails. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#release);
    this.#link?.close();
    this.#link = undefined;
  }

  async #read(
    unitId: number,
    request: ReadRequest,
    options: UnitOptions,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    checkRequest(unitId, request);
    const isProbe = this.#breaker.check(unitId, performance.now()) === "once";
    const retries = isProbe ? 0 : options.retryCount ?? this.#options.retryCount;
    for (let attempt = 0;; attempt++) {
      const turn = this.#takeTurn();
      if (turn) await turn;
      try {
        return await this.#send(unitId, request, options, signal);
      } catch (error) {
        signal.throwIfAborted();
        options.observe?.(resultOf(error));
        const isWorthIt = isWorthRetry(error) ||
          (options.isReadOnce && attempt === 0 && this.#mayPass(unitId, error));
        if (attempt >= retries || this.#closed || !isWorthIt) {
          this.#breaker.failed(unitId, error, performance.now());
          throw error;
        }
      } finally {
        this.#passTurn();
      }
      await delay(this.#retryDelay(attempt), signal);
    }
  }

  /** Whether a refusal may be of this moment only. */
  #mayPass(unitId: number, error: unknown): boolean {
    if (!(error instanceof ModbusException)) return false;
    return error.code === DEVICE_FAILURE ||
      (isSilence(error) && this.#breaker.hasAnswered(unitId));
  }

  #retryDelay(attempt: number): number {
    const { retryBackoffMs: initialMs, retryMaxBackoffMs: maxMs, random } = this.#options;
    return backoff(attempt, { initialMs, maxMs, random });
  }

  /** One has the connection at a time, in the order they came; undefined = now. */
  #takeTurn(): Promise<void> | undefined {
    if (this.#release !== undefined) clearTimeout(this.#release);
    if (this.#isBusy) return new Promise((turn) => this.#turns.push(turn));
    this.#isBusy = true;
    return undefined;
  }

  #passTurn(): void {
    const next = this.#turns.shift();
    this.#isBusy = next !== undefined;
    next?.();
    if (!next && this.#options.session === "release") this.#releaseSoon();
  }

  #releaseSoon(): void {
    if (this.#closed) return;
    this.#release = setTimeout(() => {
      this.#link?.close();
      this.#link = undefined;
    }, RELEASE_AFTER_MS);
  }

  async #send(
    unitId: number,
    request: ReadRequest,
    options: UnitOptions,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    for (let sends = 1;; sends++) {
      signal.throwIfAborted();
      const open = this.#openLink;
      const link = open ?? await this.#connected(signal);
      const isFirst = link !== this.#usedLink;
      const now = performance.now();
      const pauseMs = this.#readyAt(isFirst) - now;
      if (pauseMs > 0) await delay(pauseMs, signal);
      this.#usedLink = link;
      const sinceMs = (pauseMs > 0 ? performance.now() : now) - this.#lastExchange;
      const sent = { unitId, isFirst, sinceMs };
      try {
        const reply = await link.exchange({
          unitId,
          pdu: readPdu(request, this.#pdu),
          timeoutMs: options.requestTimeoutMs ?? this.#options.requestTimeoutMs,
          signal,
          onStale: () => options.observe?.("stale_reply"),
        });
        const exception = exceptionOf(reply, unitId, request);
        if (exception) throw exception;
        this.#failedConnects = 0;
        options.observe?.("ok");
        this.#breaker.answered(unitId);
        this.#heard(sent, true);
        return registersOf(reply);
      } catch (error) {
        this.#learnFrom(error, sent, signal);
        // Devices close an idle connection; the first request after it meets the end of the old one.
        const isStaleLink = open !== undefined && isClosed(error);
        if (!isStaleLink || sends > 1 || this.#closed || signal.aborted) throw error;
      } finally {
        this.#transactionId = link.nextTransactionId;
        this.#lastExchange = performance.now();
      }
    }
  }

  #learnFrom(error: unknown, sent: Sent, signal: AbortSignal): void {
    if (error instanceof ModbusException) {
      if (!isSilence(error)) this.#breaker.answered(sent.unitId);
      // An answer, even one that says no, is what a connection is for.
      this.#failedConnects = 0;
      this.#heard(sent, true);
    } else if (isDenied(error)) {
      this.#connectFailed(error);
    } else if (isSilence(error) || (sent.isFirst && isClosed(error))) {
      if (!signal.aborted) this.#heard(sent, false);
    }
  }

  #heard({ unitId, isFirst, sinceMs }: Sent, isAnswered: boolean): void {
    if (isFirst) this.#pace.first(unitId, isAnswered);
    else this.#pace.next(unitId, isAnswered, sinceMs);
  }

  get #openLink(): OpenLink | undefined {
    return !this.#closed && this.#link?.isOpen ? this.#link : undefined;
  }

  #readyAt(isFirst: boolean): number {
    return Math.max(
      this.#lastExchange + this.#pace.readMs,
      isFirst ? this.#connectedAt + this.#pace.connectMs : Number.NEGATIVE_INFINITY,
    );
  }

  async #connected(signal: AbortSignal): Promise<OpenLink> {
    if (this.#closed) throw new TransportError(`"${this.endpoint}" is closed`, "closed");
    if (this.#openLink) return this.#openLink;
    if (this.#connectFailure && performance.now() < this.#noConnectBefore) {
      throw this.#connectFailure;
    }
    try {
      const link = await this.#opener.open({
        transactionId: this.#transactionId,
        timeoutMs: this.#options.connectTimeoutMs,
        signal,
      });
      if (this.#closed) link.close();
      this.#link = link;
      this.#connections++;
      this.#connectedAt = performance.now();
      return link;
    } catch (error) {
      if (error instanceof TransportError) this.#connectFailed(error);
      throw error;
    }
  }

  /** Many unit ids wait behind one dead endpoint: they share the failure instead of each trying. */
  #connectFailed(error: Error): void {
    this.#connectFailure = error;
    this.#noConnectBefore = performance.now() + this.#retryDelay(this.#failedConnects) / 2;
    this.#failedConnects++;
  }
}

function checkRequest(unitId: number, request: ReadRequest): void {
  const { address, quantity } = request;
  const isRead = Number.isInteger(quantity) && quantity >= 1 && quantity <= MAX_READ_QUANTITY;
  const isAddress = Number.isInteger(address) && address >= 0 && address + quantity <= 0x1_0000;
  if (!isRead || !isAddress) {
    throw new RangeError(`Cannot read ${describeRead(unitId, request)}: not a Modbus request`);
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof TransportError && error.fault === "closed";
}

function isWorthRetry(error: unknown): boolean {
  if (error instanceof ModbusException) return error.isBusy;
  return error instanceof TransportError && !isDenied(error);
}

/** Who the server is, or who we are, was not accepted: after a TLS handshake the first read tells. */
function isDenied(error: unknown): error is TransportError {
  return error instanceof TransportError && error.fault === "denied";
}

function resultOf(error: unknown): string {
  if (error instanceof ModbusException) return `exception_${error.code}`;
  return error instanceof TransportError ? error.fault : "failed";
}
