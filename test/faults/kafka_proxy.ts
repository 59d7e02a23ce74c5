import { delay } from "../../lib/backoff.ts";

/** Requests by the names of the Kafka protocol guide, section "Api Keys". */
export const KAFKA_API = {
  Produce: 0,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
} as const;

/** The name of a request. */
export type KafkaApi = keyof typeof KAFKA_API;

/** What becomes of a connection that is there when a fault strikes. */
export type Flap =
  /** Closed on both sides. */
  | "cut"
  /** Open towards the client, which never hears anything again. */
  | "half_open"
  /** Nothing goes through for a while, then everything. */
  | "stall"
  /** Closed, and no new one is taken for a while. */
  | "down";

/**
 * A TCP proxy that reads the frames of Kafka's protocol: size, API key, version and correlation id
 * of requests, size and correlation id of responses. So it can lose one certain acknowledgement.
 */
export class KafkaProxy implements AsyncDisposable {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Connection>();
  readonly #served: Promise<void>;
  #upstream = 0;
  readonly #drops: { readonly apiKey: number; readonly dropped: () => void }[] = [];
  readonly #lost = new Set<number>();
  readonly #holds: { readonly apiKey: number; readonly ms: number; readonly held: () => void }[] =
    [];
  /** What brokers are told of how long a transaction may take; undefined = what the client says. */
  transactionTimeoutMs: number | undefined;
  #isDown = false;
  #flowing: Promise<void> = Promise.resolve();

  /** Takes connections once it knows where they lead. */
  constructor(port: number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.port = this.#listener.addr.port;
    this.#served = this.#serve();
  }

  /** Host and port for clients. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Leads to this port of 127.0.0.1 from now on. */
  leadTo(port: number): void {
    this.#upstream = port;
  }

  /** Loses the next response to a request, and its connection; resolves when that is done. */
  drop(api: KafkaApi): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drops.push({ apiKey: KAFKA_API[api], dropped: resolve });
    return promise;
  }

  /** Holds the next request of a kind back for so long; resolves when it goes on. */
  hold(api: KafkaApi, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#holds.push({ apiKey: KAFKA_API[api], ms, held: resolve });
    return promise;
  }

  /** Loses every response to a request for some time. */
  async dropAll(api: KafkaApi, ms: number): Promise<void> {
    this.#lost.add(KAFKA_API[api]);
    await delay(ms);
    this.#lost.delete(KAFKA_API[api]);
  }

  /** Strikes every connection. */
  async flap(kind: Flap, ms: number): Promise<void> {
    const connections = [...this.#connections];
    switch (kind) {
      case "cut":
        return connections.forEach((connection) => connection.close());
      case "half_open":
        return connections.forEach((connection) => connection.goSilent());
      case "stall": {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#flowing = promise;
        await delay(ms);
        return resolve();
      }
      case "down":
        this.#isDown = true;
        connections.forEach((connection) => connection.close());
        await delay(ms);
        this.#isDown = false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#served;
  }

  async #serve(): Promise<void> {
    const running = new Set<Promise<void>>();
    try {
      for await (const client of this.#listener) {
        const served = this.#connect(client).finally(() => running.delete(served));
        running.add(served);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    await Promise.all(running);
  }

  async #connect(client: Deno.TcpConn): Promise<void> {
    if (this.#isDown) return client.close();
    let upstream: Deno.TcpConn;
    try {
      upstream = await Deno.connect({ hostname: "127.0.0.1", port: this.#upstream });
    } catch {
      return client.close();
    }
    const connection = new Connection(client, upstream);
    this.#connections.add(connection);
    await connection.run({
      flowing: () => this.#flowing,
      request: (frame) => this.#request(frame),
      isLost: (apiKey) => this.#isLost(apiKey),
    });
    this.#connections.delete(connection);
  }

  /** What happens to a request before it goes on. */
  async #request(frame: DataView): Promise<void> {
    const apiKey = frame.getInt16(4);
    const at = this.#holds.findIndex((hold) => hold.apiKey === apiKey);
    const [hold] = at < 0 ? [] : this.#holds.splice(at, 1);
    if (hold) {
      await delay(hold.ms);
      hold.held();
    }
    if (apiKey !== KAFKA_API.InitProducerId || this.transactionTimeoutMs === undefined) return;
    // Behind the client's id and the transactional id, each with its length before it.
    const idAt = 14 + frame.getInt16(12);
    frame.setInt32(idAt + 2 + Math.max(frame.getInt16(idAt), 0), this.transactionTimeoutMs);
  }

  #isLost(apiKey: number): boolean {
    const at = this.#drops.findIndex((drop) => drop.apiKey === apiKey);
    if (at >= 0) this.#drops.splice(at, 1)[0]?.dropped();
    return at >= 0 || this.#lost.has(apiKey);
  }
}

interface Rules {
  /** Resolves while anything may go through. */
  flowing(): Promise<void>;
  /** Resolves when a request may go on; may change it. */
  request(frame: DataView): Promise<void>;
  /** Whether the response to such a request is to be lost. */
  isLost(apiKey: number): boolean;
}

/** A client's connection, and the one to the broker that stands for it. */
class Connection {
  readonly #client: Deno.TcpConn;
  readonly #upstream: Deno.TcpConn;
  /** API key by correlation id, for requests without a response yet. */
  readonly #pending = new Map<number, number>();
  #isSilent = false;

  constructor(client: Deno.TcpConn, upstream: Deno.TcpConn) {
    this.#client = client;
    this.#upstream = upstream;
  }

  async run(rules: Rules): Promise<void> {
    await Promise.all([this.#requests(rules), this.#responses(rules)]);
  }

  goSilent(): void {
    this.#isSilent = true;
  }

  close(): void {
    for (const side of [this.#client, this.#upstream]) {
      try {
        side.close();
      } catch {
        // It was closed already.
      }
    }
  }

  async #requests({ flowing, request }: Rules): Promise<void> {
    try {
      for await (const frame of frames(this.#client)) {
        await flowing();
        await request(frame);
        // size, API key, version, correlation id
        this.#pending.set(frame.getInt32(8), frame.getInt16(4));
        if (!this.#isSilent) await writeAll(this.#upstream, frame);
      }
    } catch {
      // One of the two sides is gone.
    }
    this.close();
  }

  async #responses({ flowing, isLost }: Rules): Promise<void> {
    try {
      for await (const frame of frames(this.#upstream)) {
        await flowing();
        const correlation = frame.getInt32(4);
        const apiKey = this.#pending.get(correlation) ?? -1;
        this.#pending.delete(correlation);
        if (this.#isSilent) continue;
        if (isLost(apiKey)) break;
        await writeAll(this.#client, frame);
      }
    } catch {
      // One of the two sides is gone.
    }
    if (!this.#isSilent) this.close();
  }
}

/** Whole frames, each with its size before it. */
async function* frames(connection: Deno.TcpConn): AsyncGenerator<DataView> {
  let bytes = new Uint8Array(0);
  const chunk = new Uint8Array(64 * 1024);
  for (;;) {
    while (bytes.length >= 4) {
      const end = 4 + new DataView(bytes.buffer, bytes.byteOffset).getInt32(0);
      if (bytes.length < end) break;
      yield new DataView(bytes.buffer, bytes.byteOffset, end);
      bytes = bytes.subarray(end);
    }
    const length = await connection.read(chunk);
    if (length === null) return;
    const joined = new Uint8Array(bytes.length + length);
    joined.set(bytes);
    joined.set(chunk.subarray(0, length), bytes.length);
    bytes = joined;
  }
}

async function writeAll(connection: Deno.TcpConn, frame: DataView): Promise<void> {
  const bytes = new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}
