import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ConfigError, messageOf, RefusedError, TryLaterError } from "./core/mod.ts";

/** What one reader may take of us. */
export interface HttpLimits {
  /** Connections at the same time; more are closed at once. */
  readonly connections: number;
  /** Bytes of a request line with its header fields. */
  readonly headBytes: number;
  /** How long a request's head may take. */
  readonly headMs: number;
  /** How long a connection may be silent, or a reader not read. */
  readonly idleMs: number;
}

/** Generous to a Prometheus and its neighbours, too little to hold anything up. */
export const HTTP_LIMITS: HttpLimits = {
  connections: 64,
  headBytes: 8192,
  headMs: 5000,
  idleMs: 10_000,
};

/** A listening server. */
export interface HttpListener extends AsyncDisposable {
  /** Where it listens. */
  readonly address: string;
  /** The port it got. */
  readonly port: number;
}

/** Answers a request; bodies of requests are never read. */
export type Answer = (request: Request) => Response | Promise<Response>;

/**
 * Listens for requests without a body.
 *
 * @param port 0 = any free one
 * @throws {TryLaterError} the port is in use
 * @throws {RefusedError} the port is not for us
 * @throws {ConfigError} the address is none of this machine
 */
export async function listenHttp(
  address: string,
  port: number,
  limits: HttpLimits,
  answer: Answer,
): Promise<HttpListener> {
  const server = createServer({
    maxHeaderSize: limits.headBytes,
    headersTimeout: limits.headMs,
    requestTimeout: limits.headMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(limits.headMs, 1000),
  }, (incoming, outgoing) => void respond(incoming, outgoing, answer));
  server.maxConnections = limits.connections;
  server.setTimeout(limits.idleMs);
  await listening(server, address, port);
  const bound = server.address();
  return {
    address,
    port: typeof bound === "object" && bound ? bound.port : port,
    [Symbol.asyncDispose]: () => close(server),
  };
}

async function respond(incoming: IncomingMessage, outgoing: ServerResponse, answer: Answer) {
  const response = await answerTo(incoming, answer);
  const body = new TextEncoder().encode(await response.text());
  outgoing.writeHead(response.status, [...response.headers, ["content-length", `${body.length}`]]);
  outgoing.end(incoming.method === "HEAD" ? undefined : body);
  // What is left of such a request is not waited for.
  if (response.status === 413) outgoing.once("finish", () => incoming.socket.destroySoon());
}

async function answerTo(incoming: IncomingMessage, answer: Answer): Promise<Response> {
  const { method = "GET", url = "/", headers } = incoming;
  const hasBody = headers["transfer-encoding"] !== undefined ||
    !["0", undefined].includes(headers["content-length"]);
  if (hasBody) return plain(413, "no body is taken here\n");
  try {
    return await answer(requestOf(method, url, headers));
  } catch {
    // A method that no request can have, such as TRACE.
    return plain(400, "bad request\n");
  }
}

function plain(status: number, text: string): Response {
  return new Response(text, { status, headers: { connection: "close" } });
}

/** The path alone matters; where the request was sent is a header like any other. */
function requestOf(method: string, url: string, headers: IncomingMessage["headers"]): Request {
  const path = url.startsWith("/") ? url : `/${url}`;
  const fields = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    typeof value === "string" ? [[name, value]] : []
  );
  return new Request(`http://localhost${path}`, { method, headers: fields });
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw refusal(`Cannot listen on "${host}:${port}"`, cause);
  }
}

const REFUSALS: Readonly<Record<string, (where: string, cause: unknown) => Error>> = {
  EADDRINUSE: (where, cause) =>
    new TryLaterError(`${where}: the port is in use, set metrics.port to another`, { cause }),
  EACCES: (where, cause) =>
    new RefusedError(`${where}: ports below 1024 need privileges`, { cause }),
};

function refusal(where: string, cause: unknown): Error {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return REFUSALS[code]?.(where, cause) ??
    new ConfigError(`${where}: ${messageOf(cause)}`, { cause });
}

/** Whoever still reads is cut off: closing waits for nobody. */
async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
