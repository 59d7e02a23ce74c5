import { Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { HTTPException } from "hono/http-exception";
import { ConfigError, messageOf, RefusedError, TryLaterError } from "./core/mod.ts";

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
  /** Text and media type for `/metrics`. */
  metrics(accept: string): Promise<{ readonly type: string; readonly text: string }>;
  /** For `/healthz`: whether the program makes progress. */
  healthy(): Promise<Health>;
  /** For `/readyz`: whether it does its work. */
  ready(): Promise<Health>;
}

/** A listening server. */
export interface MetricsServer extends AsyncDisposable {
  /** Where it listens. */
  readonly address: string;
  /** The port it got. */
  readonly port: number;
}

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;
/** What a bearer token may consist of: RFC 6750, section 2.1. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * Serves `/metrics`, `/healthz` and `/readyz`.
 *
 * @throws {ConfigError} beyond loopback without a token, or with one that cannot be sent
 * @throws {TryLaterError} the port is in use
 */
export function serveMetrics(options: MetricsServerOptions): MetricsServer {
  const { address, port, token } = options;
  if (!LOOPBACK.test(address) && token === undefined) {
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
  if (token !== undefined) app.use(bearerAuth({ token }));
  app.get("/metrics", async (context) => {
    const { type, text } = await options.metrics(context.req.header("accept") ?? "");
    return context.body(text, 200, { "content-type": type });
  });
  for (
    const [path, check] of [["/healthz", options.healthy], ["/readyz", options.ready]] as const
  ) {
    app.get(path, async (context) => {
      const { ok, detail } = await check();
      return context.json({ status: ok ? "ok" : "failing", ...detail }, ok ? 200 : 503);
    });
  }
  app.onError((error, context) =>
    error instanceof HTTPException
      ? error.getResponse()
      : context.text(`${messageOf(error)}\n`, 500)
  );
  return listen(address, port, app);
}

function listen(address: string, port: number, app: Hono): MetricsServer {
  const where = `Cannot listen on "${address}:${port}"`;
  try {
    const server = Deno.serve({ hostname: address, port, onListen() {} }, app.fetch);
    return {
      address,
      port: server.addr.port,
      [Symbol.asyncDispose]: () => server.shutdown(),
    };
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) {
      const advice = "the port is in use, set metrics.port to another";
      throw new TryLaterError(`${where}: ${advice}`, { cause });
    }
    if (cause instanceof Deno.errors.PermissionDenied) {
      throw new RefusedError(`${where}: ports below 1024 need privileges`, { cause });
    }
    throw new ConfigError(`${where}: ${messageOf(cause)}`, { cause });
  }
}
