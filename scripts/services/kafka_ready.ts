import { delay } from "../../lib/backoff.ts";

/** Metadata, version 1, without topics: Kafka protocol guide, "Messages". */
const METADATA_REQUEST = new Uint8Array(
  // length 14, API key 3, version 1, correlation 1, no client id, no topics
  [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0],
);

/** Ports of 127.0.0.1. */
export interface ReadyPorts {
  /** Where the broker must count itself among the live ones. */
  readonly asked: number;
  /** Where it must take connections. */
  readonly dialled: number;
}

/** Waits until a broker can be used, or throws the signal's reason. */
export async function waitUntilReady(ports: ReadyPorts, signal: AbortSignal): Promise<void> {
  await until(() => countsItself(ports.asked, signal), signal);
  await until(() => accepts(ports.dialled), signal);
}

async function until(condition: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!await condition()) await delay(50, signal);
}

/** Asks, for a connection alone says little: a frozen broker takes one too. */
async function countsItself(port: number, signal: AbortSignal): Promise<boolean> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    signal.addEventListener("abort", () => connection[Symbol.dispose](), { once: true });
    await connection.write(METADATA_REQUEST);
    const answer = new Uint8Array(12);
    const length = await connection.read(answer);
    // length, correlation, number of brokers
    return length === 12 && new DataView(answer.buffer).getInt32(8) > 0;
  } catch {
    return false;
  }
}

async function accepts(port: number): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch {
    return false;
  }
}
