import { ConfigError, messageOf, type NetworkEndpoint, TransportError } from "../core/mod.ts";
import { readSecret } from "../secret.ts";
import type { ByteStream } from "./link.ts";

/** Whom to trust and who we are, as PEM texts. */
export interface TlsCertificates {
  /** CAs to trust beside the public ones. */
  readonly ca: string | undefined;
  /** Our certificate, and the chain behind it; undefined = we do not say who we are. */
  readonly own: { readonly cert: string; readonly key: string } | undefined;
}

/** The files of the same. */
export interface TlsFiles {
  /** `modbus.tls.ca_file`. */
  readonly ca: string | undefined;
  /** `modbus.tls.cert_file`. */
  readonly cert: string | undefined;
  /** `modbus.tls.key_file`. */
  readonly key: string | undefined;
}

/**
 * Reads certificates, and makes sure that they can be used.
 *
 * @throws {ConfigError} when one cannot, or when others can read the key
 */
export function readCertificates(files: TlsFiles): TlsCertificates {
  const ca = files.ca === undefined ? undefined : readCertificate(files.ca);
  const key = files.cert === undefined && files.key === undefined
    ? undefined
    : readSecret({ value: undefined, file: files.key, credential: "modbus_tls_key" });
  if (files.cert === undefined && key === undefined) return { ca, own: undefined };
  if (files.cert === undefined || key === undefined) {
    throw new ConfigError(
      "modbus.tls.cert_file and modbus.tls.key_file go together: name both, or neither",
    );
  }
  const cert = readCertificate(files.cert);
  // A key of another certificate would end the whole process when it is first used.
  if (!isKeyOf(cert, key, files.key)) {
    throw new ConfigError(
      `Cannot use key file "${files.key}": it is not the key of the certificate in "${files.cert}"`,
    );
  }
  return { ca, own: { cert, key } };
}

/** Loading it takes longer than a whole read: only who has certificates pays for it. */
function cryptography(): typeof import("node:crypto") {
  return globalThis.process.getBuiltinModule("node:crypto");
}

function readCertificate(file: string): string {
  try {
    const text = Deno.readTextFileSync(file);
    new (cryptography().X509Certificate)(text);
    return text;
  } catch (cause) {
    const why =
      cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.PermissionDenied
        ? messageOf(cause)
        : "it holds no certificate (PEM)";
    throw new ConfigError(`Cannot use certificate file "${file}": ${why}`, { cause });
  }
}

function isKeyOf(cert: string, key: string, file: string | undefined): boolean {
  try {
    const { createPrivateKey, X509Certificate } = cryptography();
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new ConfigError(`Cannot use key file "${file}": it holds no private key (PEM)`, {
      cause,
    });
  }
}

/** So many handshakes in a row may be left unanswered before tries become rare. */
const UNANSWERED_LIMIT = 8;
const RARELY_MS = 600_000;

/** Connects to one server, and verifies it; TLS 1.2 or later. */
export class TlsConnector {
  readonly #endpoint: NetworkEndpoint;
  readonly #certificates: TlsCertificates;
  #unanswered = 0;
  #lastAt = Number.NEGATIVE_INFINITY;

  /** Nothing is opened before `connect`. */
  constructor(endpoint: NetworkEndpoint, certificates: TlsCertificates) {
    this.#endpoint = endpoint;
    this.#certificates = certificates;
  }

  /**
   * Connects; {@linkcode explain} says in words what this throws.
   *
   * @param signal ends the try; a connection that comes late is closed
   */
  async connect(signal: AbortSignal): Promise<Deno.TlsConn> {
    // Deno leaves a connection open until its handshake is answered, even when it is closed.
    if (this.#unanswered >= UNANSWERED_LIMIT && performance.now() - this.#lastAt < RARELY_MS) {
      throw new Error(`${this.#unanswered} handshakes in a row were left unanswered`);
    }
    this.#lastAt = performance.now();
    const { host: hostname, port } = this.#endpoint;
    const { ca, own } = this.#certificates;
    const aborted = Promise.withResolvers<never>();
    let connection: Deno.TlsConn | undefined;
    const abort = () => {
      if (connection) this.#unanswered++;
      connection?.close();
      aborted.reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    const opening = (async () => {
      const caCerts = ca === undefined ? [] : [ca];
      connection = await Deno.connectTls({ hostname, port, caCerts, ...own });
      if (signal.aborted) connection.close();
      else await connection.handshake();
      return connection;
    })();
    try {
      const open = await Promise.race([opening, aborted.promise]);
      this.#unanswered = 0;
      return open;
    } catch (error) {
      opening.catch(() => {});
      if (!signal.aborted) connection?.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Why TLS failed, as a fault of the transport; undefined = it was something else. */
  explain(doing: string, cause: unknown): TransportError | undefined {
    return tlsError(doing, cause, this.#endpoint, this.#certificates);
  }
}

/** What rustls says, and what that means to whoever has to mend it. */
const REASONS: readonly (readonly [RegExp, (hostname: string, hasOwn: boolean) => string])[] = [
  [
    /invalid peer certificate: certificate expired|invalid peer certificate: Expired/,
    () => "the server's certificate has expired",
  ],
  [
    /NotValidYet|not valid yet/,
    () => "the server's certificate is not valid yet; is our clock right?",
  ],
  [
    /UnknownIssuer/,
    () => "no CA that we trust has signed the server's certificate; set modbus.tls.ca_file",
  ],
  [
    /not valid for name|NotValidForName/,
    (hostname) => `the server's certificate is not for "${hostname}"; use a name that it is for`,
  ],
  [/invalid peer certificate/, () => "the server's certificate cannot be trusted"],
  [/alert: ProtocolVersion/, () => "the server speaks no TLS 1.2 or later"],
  [
    /alert: (CertificateRequired|HandshakeFailure)/,
    (_, hasOwn) =>
      hasOwn
        ? "the server refused our certificate, or shares no cipher with us"
        : "the server wants to know who we are; set modbus.tls.cert_file and modbus.tls.key_file",
  ],
  [
    /alert: (UnknownCA|BadCertificate|UnsupportedCertificate|Certificate\w+|AccessDenied|DecryptError)/,
    () => "the server refused our certificate; look at modbus.tls.cert_file",
  ],
];

function tlsError(
  doing: string,
  cause: unknown,
  { host }: NetworkEndpoint,
  { own }: TlsCertificates,
): TransportError | undefined {
  const message = messageOf(cause);
  const found = REASONS.find(([pattern]) => pattern.test(message));
  if (found) {
    const why = found[1](host, own !== undefined);
    const [detail = message] = /\w+$/.exec(message) ?? [];
    const text = /alert/.test(message) ? `${why} (${detail})` : why;
    return new TransportError(`${doing}: ${text}`, "denied", { cause });
  }
  if (/corrupt message|InvalidContentType/.test(message)) {
    return new TransportError(`${doing}: it does not speak TLS there`, "malformed", { cause });
  }
  return undefined;
}

/** With TLS 1.3 a server refuses our certificate only after the handshake: the first read tells. */
export function tlsStream(
  connection: Deno.TlsConn,
  explain: (cause: unknown) => Error | undefined,
): ByteStream {
  const telling = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      throw explain(cause) ?? cause;
    }
  };
  return {
    read: (into) => telling(connection.read(into)),
    write: (bytes) => telling(connection.write(bytes)),
    close: () => connection.close(),
  };
}
