import { delay } from "../../lib/backoff.ts";
import { encodeRtu } from "../../lib/modbus/rtu.ts";
import { rtuRequests } from "../../lib/modbus/requests.ts";
import type { ByteStream } from "../../lib/modbus/link.ts";

/** What a device on a bus does about a request: its PDU after a time, or nothing. */
export interface BusAnswer {
  readonly pdu: Uint8Array | undefined;
  readonly afterMs: number;
}

/** Says what the device does. */
export type BusDevice = (unitId: number, pdu: Uint8Array) => BusAnswer;

/**
 * Devices on one serial bus that answer in the order they were asked, however late, to whoever
 * listens by then: late replies find the next connection.
 */
export class SlowBus implements AsyncDisposable {
  readonly #device: BusDevice;
  readonly #stop = new AbortController();
  #listeners = new Set<ByteStream>();
  #work: Promise<void> = Promise.resolve();
  #served: Promise<void>[] = [];
  /** Requests heard, as unit id and PDU in hex. */
  readonly heard: string[] = [];

  constructor(device: BusDevice) {
    this.#device = device;
  }

  /** Serves one connection or line, until it ends. */
  attach(stream: ByteStream): void {
    this.#listeners.add(stream);
    this.#served.push(this.#serve(stream).finally(() => this.#listeners.delete(stream)));
  }

  /** Sends bytes that nobody asked for. */
  async disturb(bytes: Uint8Array): Promise<void> {
    for (const stream of this.#listeners) await stream.write(bytes).catch(() => {});
  }

  async #serve(stream: ByteStream): Promise<void> {
    const buffer = new Uint8Array(4096);
    let held = 0;
    try {
      for (;;) {
        const count = await stream.read(buffer.subarray(held));
        if (count === null) return;
        held += count;
        let start = 0;
        while (start < held) {
          const taken = rtuRequests.take(buffer.subarray(start, held));
          if (!taken) break;
          if (taken.request) this.#answerInTurn(taken.request.unitId, taken.request.pdu);
          start += taken.end;
        }
        buffer.copyWithin(0, start, held);
        held -= start;
      }
    } catch {
      // The client has gone.
    } finally {
      try {
        stream.close();
      } catch {
        // It has closed already.
      }
    }
  }

  #answerInTurn(unitId: number, pdu: Uint8Array): void {
    this.heard.push(`${unitId} ${pdu.toHex()}`);
    const answer = this.#device(unitId, pdu);
    this.#work = this.#work.then(async () => {
      await delay(answer.afterMs, this.#stop.signal);
      if (answer.pdu) await this.disturb(encodeRtu({ unitId, pdu: answer.pdu }));
    }).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const stream of this.#listeners) {
      try {
        stream.close();
      } catch {
        // It has closed already.
      }
    }
    await this.#work;
    await Promise.all(this.#served);
  }
}

/** A bus behind a gateway that passes bytes on as they are. */
export function serveBus(device: BusDevice): SlowBus & { readonly port: number } {
  const bus = new SlowBus(device);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) {
      connection.setNoDelay();
      bus.attach(connection);
    }
  })();
  const end = bus[Symbol.asyncDispose].bind(bus);
  return Object.assign(bus, {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await end();
    },
  });
}

/** Registers that tell where they came from: register n of unit u holds u × 4096 + n. */
export function telling(unitId: number, pdu: Uint8Array): Uint8Array {
  const view = new DataView(pdu.buffer, pdu.byteOffset, pdu.byteLength);
  const [address, quantity] = [view.getUint16(1), view.getUint16(3)];
  const reply = new DataView(new ArrayBuffer(2 + quantity * 2));
  reply.setUint8(0, pdu[0] ?? 0);
  reply.setUint8(1, quantity * 2);
  for (let i = 0; i < quantity; i++) reply.setUint16(2 + i * 2, unitId * 4096 + address + i);
  return new Uint8Array(reply.buffer);
}
