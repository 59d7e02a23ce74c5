import {
  formatEndpoint,
  messageOf,
  RefusedError,
  type SerialEndpoint,
  UsageError,
} from "../core/mod.ts";
import {
  mbapRequests,
  type ReadHandler,
  rtuRequests,
  serveModbus,
  type ServePlace,
  serveSerial,
} from "../modbus/mod.ts";
import { type FaultyService, serveFaulty } from "./faulty_server.ts";

/** Where to serve: an address, or a serial line. */
export type ServeAt = ServePlace | SerialEndpoint;

/** Something that is being served. */
export interface Served extends AsyncDisposable {
  /** Where clients reach it; of a serial line, our end. */
  readonly endpoint: string;
  /** Where it listens; the path of a serial line. */
  readonly hostname: string;
  /** Where it listens; 0 on a serial line. */
  readonly port: number;
}

/** Whether it is a bus, on which nobody speaks for a unit that is not there. */
export function isBus({ scheme }: ServeAt): boolean {
  return scheme === "serial" || scheme === "rtu+tcp";
}

/**
 * Serves reads.
 *
 * @throws {UsageError} the address cannot be had
 * @throws {RefusedError} it needs privileges
 * @throws {TransportError} the serial line cannot be had
 */
export async function serveAt(
  at: ServeAt,
  handler: ReadHandler,
  { faults, stateOf }: Pick<FaultyService, "faults" | "stateOf"> = NO_FAULTS,
): Promise<Served> {
  if (faults.length > 0) return await serveWithFaults(at, { handler, faults, stateOf });
  if (at.scheme === "serial") {
    const serving = await serveSerial(at, handler);
    return Object.assign(serving, { endpoint: formatEndpoint(at), hostname: at.path, port: 0 });
  }
  const { scheme = "tcp" } = at;
  const server = listen(at, handler);
  const endpoint = formatEndpoint({ scheme, host: server.hostname, port: server.port });
  return Object.assign(server, { endpoint });
}

const NO_FAULTS = { faults: [], stateOf: () => 0 };

/** Faults of the wire are shown on plain connections only. */
async function serveWithFaults(
  at: ServeAt,
  service: Omit<FaultyService, "framing">,
): Promise<Served> {
  const { scheme = "tcp" } = at;
  if (at.scheme === "serial" || scheme === "tls" || scheme === "serial") {
    throw new UsageError(
      `Cannot simulate faults of the wire on ${scheme}: listen on an address, or on rtu+tcp://`,
    );
  }
  const framing = scheme === "tcp" ? mbapRequests : rtuRequests;
  const server = await serveFaulty(at, { ...service, framing }).catch((cause) => {
    throw listenError(at, cause);
  });
  const endpoint = formatEndpoint({ scheme, host: server.hostname, port: server.port });
  return Object.assign(server, { endpoint });
}

function listen(at: ServePlace, handler: ReadHandler) {
  try {
    return serveModbus(at, handler);
  } catch (cause) {
    throw listenError(at, cause);
  }
}

function listenError(at: ServePlace, cause: unknown): unknown {
  const where = `Cannot listen on "${at.hostname}:${at.port}"`;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (cause instanceof Deno.errors.AddrInUse || code === "EADDRINUSE") {
    return new UsageError(`${where}: the port is in use, choose another --listen`, { cause });
  }
  if (cause instanceof Deno.errors.AddrNotAvailable || code === "EADDRNOTAVAIL") {
    return new UsageError(`${where}: this machine does not have the address`, { cause });
  }
  if (cause instanceof Deno.errors.PermissionDenied || code === "EACCES") {
    return new RefusedError(`${where}: ports below 1024 need privileges`, { cause });
  }
  if (cause instanceof Deno.errors.InvalidData) {
    return new UsageError(`${where}: the certificate and key do not serve TLS`, { cause });
  }
  return new Error(`${where}: ${messageOf(cause)}`, { cause });
}
