import { createServer, type Socket } from "node:net";
import { fromHex, wordHex } from "./hex.ts";

/** A request as the server heard it. */
export interface Heard {
  /** Counts connections from 0. */
  readonly connection: number;
  /** Counts requests from 0, over all connections. */
  readonly index: number;
  readonly transactionId: number;
  readonly unitId: number;
  readonly pdu: Uint8Array;
}

/**
 * What the server does: bytes in hex, TTTT being the request's transaction id and SSSS the one
 * before it, or `FIN` or `RST`.
 */
export type Step = string;

/** Says what to do about a request. */
export type Script = (heard: Heard) => readonly Step[] | Promise<readonly Step[]>;

/** A TCP server on loopback that does what its script says, right or wrong. */
export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  readonly heard: readonly Heard[];
  /** How many connections there were. */
  readonly connections: number;
  /** Resolves when a connection is over, whoever ended it. */
  ended(connection: number): Promise<void>;
}

const REQUEST_LENGTH = 12;
const ENDED_WITHIN_MS = 20_000;

/** Listens on a free port; a request is any 12 bytes. */
export async function serveScript(script: Script): Promise<ScriptedServer> {
  const heard: Heard[] = [];
  const sockets: Socket[] = [];
  const ends: Promise<void>[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = sockets.push(socket) - 1;
    ends.push(new Promise((resolve) => socket.once("close", () => resolve())));
    socket.on("error", () => {});
    let held = new Uint8Array(0);
    socket.on("data", async (chunk: Uint8Array) => {
      held = Uint8Array.of(...held, ...chunk);
      while (held.length >= REQUEST_LENGTH) {
        const request = requestOf(held.slice(0, REQUEST_LENGTH), connection, heard.length);
        held = held.slice(REQUEST_LENGTH);
        heard.push(request);
        for (const step of await script(request)) perform(step, socket, request.transactionId);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    heard,
    get connections() {
      return sockets.length;
    },
    ended: (connection) => within(ENDED_WITHIN_MS, ends[connection], `connection ${connection}`),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, ...ends]);
    },
  };
}

function requestOf(bytes: Uint8Array, connection: number, index: number): Heard {
  const view = new DataView(bytes.buffer);
  return {
    connection,
    index,
    transactionId: view.getUint16(0),
    unitId: view.getUint8(6),
    pdu: bytes.slice(7),
  };
}

function perform(step: Step, socket: Socket, transactionId: number): void {
  if (step === "FIN") socket.end();
  else if (step === "RST") socket.resetAndDestroy();
  else if (!socket.destroyed) socket.write(expand(step, transactionId));
}

/** The bytes of a step. */
export function expand(step: Step, transactionId: number): Uint8Array {
  const stale = (transactionId + 0xffff) % 0x1_0000;
  return fromHex(
    step.replaceAll("TTTT", wordHex(transactionId)).replaceAll("SSSS", wordHex(stale)),
  );
}

async function within<T>(ms: number, promise: Promise<T> | undefined, what: string): Promise<T> {
  if (!promise) throw new Error(`There is no ${what}`);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} is not over after ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
