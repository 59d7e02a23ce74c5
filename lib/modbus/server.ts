/**
 * The other side of the wire: a Modbus TCP server for the devices we play ourselves.
 *
 * @module
 */
import { decodeFrame, encodeFrame, frameEnd, MAX_READ_QUANTITY } from "./frame.ts";

/** Answers a read: the registers as bytes, or the exception code to answer with. */
export type ReadHandler = (
  unitId: number,
  request: { readonly functionCode: number; readonly address: number; readonly quantity: number },
) => Uint8Array | number;

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
export function serveModbus(
  address: { readonly hostname: string; readonly port: number },
  handler: ReadHandler,
): ModbusServer {
  const listener = Deno.listen(address);
  const open = new Set<Deno.Conn>();
  const accepting = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      connection.setNoDelay();
      serve(connection, handler).finally(() => open.delete(connection));
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

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed by the client already.
  }
}

async function serve(connection: Deno.Conn, handler: ReadHandler): Promise<void> {
  const buffer = new Uint8Array(4096);
  let held = 0;
  try {
    for (;;) {
      const count = await connection.read(buffer.subarray(held));
      if (count === null) return;
      held += count;
      let start = 0;
      for (;;) {
        const end = frameEnd(buffer.subarray(start, held));
        if (end === undefined) break;
        await writeAll(connection, answer(buffer.subarray(start, start + end), handler));
        start += end;
      }
      buffer.copyWithin(0, start, held);
      held -= start;
    }
  } catch {
    // A client that breaks the protocol or goes away ends its own connection only.
  } finally {
    close(connection);
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

function answer(bytes: Uint8Array, handler: ReadHandler): Uint8Array {
  const { transactionId, unitId, pdu } = decodeFrame(bytes);
  return encodeFrame({ transactionId, unitId, pdu: answerPdu(unitId, pdu, handler) });
}

function answerPdu(unitId: number, pdu: Uint8Array, handler: ReadHandler): Uint8Array {
  const functionCode = pdu[0] ?? 0;
  const refuse = (code: number) => Uint8Array.of(functionCode | 0x80, code);
  if (functionCode !== 3 && functionCode !== 4) return refuse(1);
  if (pdu.length !== 5) return refuse(3);
  const view = new DataView(pdu.buffer, pdu.byteOffset);
  const address = view.getUint16(1);
  const quantity = view.getUint16(3);
  if (quantity < 1 || quantity > MAX_READ_QUANTITY) return refuse(3);
  const data = handler(unitId, { functionCode, address, quantity });
  if (typeof data === "number") return refuse(data);
  return Uint8Array.of(functionCode, data.length, ...data);
}
