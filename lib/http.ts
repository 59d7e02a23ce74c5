import { createHash, timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import { isLoopback } from "./cidr.ts";
import { ConfigError, messageOf } from "./core/mod.ts";
import { HTTP_LIMITS, type HttpLimits, type HttpListener, listenHttp } from "./http_listener.ts";

/** What a health page says. */
export interface Health {
  /** 200 or 503. */
  readonly ok: boolean;
  /** Anything that helps to see why. */
  readonly detail: { readonly [key: string]: unknown };
}

/** Where to listen, and what to answer. */
export interface MetricsServerOptions {
  /** A host name or address. */
  readonly address: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Readers must send it as a bearer token; undefined = none needed. */
  readonly token: string | undefined;
  /** What one reader may take; {@linkcode HTTP_LIMITS} when left out. */
  readonly limits?: HttpLimits;
  /** Text and media type for `/metrics`. */
  metrics(accept: string): Promise<{ readonly type: string; readonly text: string }>;
  /** For `/healthz`: whether the program makes progress. */
  healthy(): Promise<Health>;
  /** For `/readyz`: whether it does its work. */
  ready(): Promise<Health>;
}

/** What a bearer token may consist of: RFC 6750, section 2.1. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
/** The same for every page that is not there and every method that is not served. */
const NOTHING_HERE = "nothing here\n";
const HEADERS = { "x-content-type-options": "nosniff", "cache-control": "no-store" };

/**
 * Serves `/metrics`, `/healthz` and `/readyz`, read-only.
 *
 * @throws {ConfigError} beyond loopback without a token, or with one that cannot be sent
 * @throws {TryLaterError} the port is in use
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<HttpListener> {
  const { address, port, token, limits = HTTP_LIMITS } = options;
  if (!isLoopback(address) && token === undefined) {
    throw new ConfigError(
      `Cannot listen on metrics.address "${address}": beyond loopback readers must send a token; ` +
        "set metrics.token_file or SUNSPEC_METRICS_TOKEN",
    );
  }
  if (token !== undefined && !TOKEN.test(token)) {
    throw new ConfigError(
      "Cannot use the token of metrics: no reader can send it; take letters, digits and . _ ~ + / -",
    );
  }
  const app = new Hono();
  const refusalOf = token === undefined ? foreignHost : tokenCheck(token);
  app.use(async (context, next) => {
    return refusalOf(context) ?? await next();
  });
  addPages(app, options);
  return await listenHttp(address, port, limits, (request) => app.fetch(request));
}

function addPages(app: Hono, { metrics, healthy, ready }: MetricsServerOptions): void {
  const health = (check: () => Promise<Health>) => async (context: Context) => {
    const { ok, detail } = await check();
    return context.json({ status: ok ? "ok" : "failing", ...detail }, ok ? 200 : 503, HEADERS);
  };
  const pages: Readonly<Record<string, (context: Context) => Promise<Response>>> = {
    "/metrics": async (context: Context) => {
      const { type, text } = await metrics(context.req.header("accept") ?? "");
      return context.body(text, 200, { ...HEADERS, "content-type": type });
    },
    "/healthz": health(healthy),
    "/readyz": health(ready),
  };
  for (const [path, page] of Object.entries(pages)) {
    app.get(path, page);
    app.all(path, (context) => context.text(NOTHING_HERE, 405, { allow: "GET, HEAD" }));
  }
  app.notFound((context) => context.text(NOTHING_HERE, 404));
  app.onError((error, context) => context.text(`${messageOf(error)}\n`, 500));
}

/** Digests are compared, in constant time: neither length nor content of the token shows. */
function tokenCheck(token: string): (context: Context) => Response | undefined {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const wanted = digest(`Bearer ${token}`);
  return (context) => {
    const sent = digest(context.req.header("authorization") ?? "");
    if (timingSafeEqual(sent, wanted)) return undefined;
    return context.text("a bearer token is needed\n", 401, { "www-authenticate": "Bearer" });
  };
}

/**
 * Without a token only this machine may read, and a web page is not this machine: one that has its
 * own name resolve to 127.0.0.1 (DNS rebinding) still sends that name.
 */
function foreignHost(context: Context): Response | undefined {
  const host = context.req.header("host");
  if (host === undefined) return undefined;
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1").toLowerCase();
  return isLoopback(name) ? undefined : context.text("not this host\n", 421);
}
