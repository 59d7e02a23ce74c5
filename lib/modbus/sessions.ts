import { type Endpoint, formatEndpoint } from "../core/mod.ts";
import { LinkOpener } from "./open.ts";
import { Session, type SessionOptions } from "./session.ts";

/** One session per endpoint: devices accept few connections, many of them only one. */
export class Sessions implements Disposable {
  readonly #sessions = new Map<string, Session>();
  readonly #openers = new Map<string, LinkOpener>();
  readonly #options: SessionOptions;

  /** Every session gets the same options. */
  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** The session of an endpoint, made when it is first asked for. */
  get(endpoint: Endpoint, options: Partial<SessionOptions> = {}): Session {
    const name = formatEndpoint(endpoint);
    let session = this.#sessions.get(name);
    if (!session) {
      const opener = this.#openers.get(name) ?? new LinkOpener(endpoint, this.#options);
      if (opener.remembers) this.#openers.set(name, opener);
      session = new Session(endpoint, { ...this.#options, ...options }, opener);
      this.#sessions.set(name, session);
    }
    return session;
  }

  /** Whether an endpoint has a session already. */
  has(endpoint: Endpoint): boolean {
    return this.#sessions.has(formatEndpoint(endpoint));
  }

  /** Closes and forgets the session of an endpoint. */
  drop(endpoint: Endpoint): void {
    const name = formatEndpoint(endpoint);
    this.#sessions.get(name)?.close();
    this.#sessions.delete(name);
  }

  /** Closes all sessions. */
  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session.close();
    this.#sessions.clear();
  }
}
