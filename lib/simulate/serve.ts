import { formatEndpoint, RefusedError, type SerialEndpoint, UsageError } from "../core/mod.ts";
import { type ReadHandler, serveModbus, type ServePlace, serveSerial } from "../modbus/mod.ts";

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
export async function serveAt(at: ServeAt, handler: ReadHandler): Promise<Served> {
  if (at.scheme === "serial") {
    const serving = await serveSerial(at, handler);
    return Object.assign(serving, { endpoint: formatEndpoint(at), hostname: at.path, port: 0 });
  }
  const { scheme = "tcp" } = at;
  const server = listen(at, handler);
  const endpoint = formatEndpoint({ scheme, host: server.hostname, port: server.port });
  return Object.assign(server, { endpoint });
}

function listen(at: ServePlace, handler: ReadHandler) {
  try {
    return serveModbus(at, handler);
  } catch (cause) {
    const where = `Cannot listen on "${at.hostname}:${at.port}"`;
    if (cause instanceof Deno.errors.AddrInUse) {
      throw new UsageError(`${where}: the port is in use, choose another --listen`, { cause });
    }
    if (cause instanceof Deno.errors.AddrNotAvailable) {
      throw new UsageError(`${where}: this machine does not have the address`, { cause });
    }
    if (cause instanceof Deno.errors.PermissionDenied) {
      throw new RefusedError(`${where}: ports below 1024 need privileges`, { cause });
    }
    if (cause instanceof Deno.errors.InvalidData) {
      throw new UsageError(`${where}: the certificate and key do not serve TLS`, { cause });
    }
    throw cause;
  }
}
