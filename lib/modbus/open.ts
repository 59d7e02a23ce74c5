import { deadline } from "../backoff.ts";
import {
  type Endpoint,
  formatEndpoint,
  messageOf,
  type NetworkEndpoint,
  TransportError,
  UsageError,
} from "../core/mod.ts";
import type { ByteStream } from "./link.ts";

/**
 * Opens the connection to an endpoint.
 *
 * @throws {TransportError} when it cannot be reached within `timeoutMs`
 * @throws {UsageError} for a transport this version does not speak
 */
export async function openStream(
  endpoint: Endpoint,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ByteStream> {
  if (endpoint.scheme !== "tcp") {
    throw new UsageError(
      `Cannot open "${formatEndpoint(endpoint)}": this version speaks Modbus TCP only, use tcp://`,
    );
  }
  using limit = deadline(timeoutMs, signal);
  try {
    const { host: hostname, port } = endpoint;
    const connection = await Deno.connect({ hostname, port, signal: limit.signal });
    connection.setNoDelay();
    return connection;
  } catch (cause) {
    signal.throwIfAborted();
    throw connectError(endpoint, cause, limit.isOver ? timeoutMs : undefined);
  }
}

function connectError(endpoint: NetworkEndpoint, cause: unknown, timeoutMs: number | undefined) {
  const failed = `Cannot connect to "${formatEndpoint(endpoint)}"`;
  if (timeoutMs !== undefined) {
    return new TransportError(`${failed}: no answer within ${timeoutMs} ms`, "timeout", { cause });
  }
  if (cause instanceof Deno.errors.ConnectionRefused) {
    return new TransportError(
      `${failed}: refused; is Modbus TCP switched on there, and no other client connected?`,
      "refused",
      { cause },
    );
  }
  const message = messageOf(cause);
  const why = /failed to lookup address/.test(message)
    ? "no such host"
    : message.replace(/ \(os error \d+\)$/, "");
  return new TransportError(`${failed}: ${why}`, "unreachable", { cause });
}
