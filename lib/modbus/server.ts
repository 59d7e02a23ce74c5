/**
 * The other side of the wire: a Modbus server for the devices we play ourselves.
 *
 * @module
 */
import type { SerialEndpoint } from "../core/mod.ts";
import { type Frame, MAX_READ_QUANTITY } from "./frame.ts";
import type { ByteStream } from "./link.ts";
import { mbapRequests, type RequestFraming, rtuRequests } from "./requests.ts";
import { openSerial } from "./serial.ts";

/**
 * Answers a read: the registers as bytes, the exception code to answer with, or undefined = stay
 * silent.
 */
export type ReadHandler = (
  unitId: number,
  request: { readonly functionCode: number; readonly address: number; readonly quantity: number },
) => Uint8Array | number | undefined;

/** Where to listen, and how. */
export interface ServePlace {
  /** An address of this machine. */
  readonly hostname: string;
  /** 0 = any free one. */
  readonly port: number;
  /** As in an endpoint; Modbus TCP when left out. */
  readonly scheme?: "tcp" | "tls" | "rtu+tcp";
  /** For `tls`: the certificate to show, and its key (PEM). */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
}

/** A listening server. */
export interface ModbusServer extends AsyncDisposable {
  /** Where it listens. */
  readonly hostname: string;
  /** Where it listens. */
  readonly port: number;
}

/**
 * Serves reads of holding and input registers.
 *
 * @throws {Deno.errors.AddrInUse} and its like when the address cannot be had
 */
export function serveModbus(place: ServePlace, handler: ReadHandler): ModbusServer {
  const { scheme = "tcp" } = place;
  const framing = scheme === "rtu+tcp" ? rtuRequests : mbapRequests;
  const listener = listen(place);
  const open = new Set<Deno.Conn>();
  const accepting = (async () => {
    for await (const connection of connectionsOf(listener)) {
      open.add(connection);
      serveStream(connection, handler, framing).finally(() => open.delete(connection));
    }
  })();
  const { hostname, port } = listener.addr;
  return {
    hostname,
    port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) close(connection);
      await accepting;
    },
  };
}

type Listener = Deno.Listener<Deno.Conn, Deno.NetAddr>;

function listen({ hostname, port, scheme, certificate }: ServePlace): Listener {
  if (scheme !== "tls") return Deno.listen({ hostname, port });
  return Deno.listenTls({ hostname, port, ...certificate ?? { cert: "", key: "" } });
}

async function* connectionsOf(listener: Listener): AsyncGenerator<Deno.Conn> {
  for await (const connection of listener) {
    if ("setNoDelay" in connection && typeof connection.setNoDelay === "function") {
      connection.setNoDelay();
    }
    yield connection;
  }
}

function close(stream: Pick<ByteStream, "close">): void {
  try {
    stream.close();
  } catch {
    // Closed by the client already.
  }
}

/**
 * The same on a serial line.
 *
 * @throws {TransportError} when it cannot be opened
 */
export async function serveSerial(
  endpoint: SerialEndpoint,
  handler: ReadHandler,
): Promise<AsyncDisposable> {
  const line = await openSerial(endpoint);
  const serving = serveStream(line, handler, rtuRequests);
  return {
    async [Symbol.asyncDispose]() {
      line.close();
      await serving;
    },
  };
}

/** Serves what comes along one stream, until it ends. */
export async function serveStream(
  stream: ByteStream,
  handler: ReadHandler,
  framing: RequestFraming = rtuRequests,
): Promise<void> {
  const buffer = new Uint8Array(4096);
  let held = 0;
  try {
    for (;;) {
      const count = await stream.read(buffer.subarray(held));
      if (count === null) return;
      held += count;
      let start = 0;
      while (start < held) {
        const taken = framing.take(buffer.subarray(start, held));
        if (!taken) break;
        const reply = taken.request && answer(taken.request, handler);
        if (reply) await writeAll(stream, framing.encode(reply));
        start += taken.end;
      }
      buffer.copyWithin(0, start, held);
      held -= start;
    }
  } catch {
    // A client that breaks the protocol or goes away ends its own connection only.
  } finally {
    close(stream);
  }
}

async function writeAll(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await stream.write(bytes.subarray(sent));
}

function answer(request: Frame, handler: ReadHandler): Frame | undefined {
  const pdu = answerPdu(request.unitId, request.pdu, handler);
  return pdu && { ...request, pdu };
}

/** Answers a request's PDU; undefined = stay silent. */
export function answerPdu(
  unitId: number,
  pdu: Uint8Array,
  handler: ReadHandler,
): Uint8Array | undefined {
  const functionCode = pdu[0] ?? 0;
  const refuse = (code: number) => Uint8Array.of(functionCode | 0x80, code);
  if (functionCode !== 3 && functionCode !== 4) return refuse(1);
  if (pdu.length !== 5) return refuse(3);
  const view = new DataView(pdu.buffer, pdu.byteOffset);
  const address = view.getUint16(1);
  const quantity = view.getUint16(3);
  if (quantity < 1 || quantity > MAX_READ_QUANTITY) return refuse(3);
  const data = handler(unitId, { functionCode, address, quantity });
  if (data === undefined) return undefined;
  if (typeof data === "number") return refuse(data);
  return Uint8Array.of(functionCode, data.length, ...data);
}
