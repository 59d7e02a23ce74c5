import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { delay } from "../backoff.ts";
import {
  answerPdu,
  type Frame,
  type ModbusServer,
  type ReadHandler,
  type RequestFraming,
} from "../modbus/mod.ts";
import type { Client, Fault, Step } from "./faults/mod.ts";

/** How clients are treated, and by whom they are answered. */
export interface FaultyService {
  /** Answers reads. */
  readonly handler: ReadHandler;
  /** Finds requests in what comes. */
  readonly framing: RequestFraming;
  /** What is wrong with it; the first that has something to say to a client or an answer says it. */
  readonly faults: readonly Fault[];
  /** The present state of the devices. */
  readonly stateOf: () => number;
}

/** The longest request; what is longer is none. */
const MOST_BYTES = 4096;

/**
 * Serves reads as a device with faults of the wire does. It stands on `node:net`, because only its
 * sockets can be reset.
 *
 * @throws when the address cannot be had
 */
export async function serveFaulty(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  service: FaultyService,
): Promise<ModbusServer> {
  const door = new Door(service);
  await door.open({ hostname, port });
  return {
    hostname,
    port: door.port,
    [Symbol.asyncDispose]: () => door.shut(),
  };
}

/** Lets clients in, as many as there are slots. */
class Door {
  readonly #service: FaultyService;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #place = { hostname: "", port: 0 };
  #isShut = false;

  constructor(service: FaultyService) {
    this.#service = service;
  }

  get port(): number {
    return this.#place.port;
  }

  async open(place: { readonly hostname: string; readonly port: number }): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#letIn(socket));
    server.listen(place.port, place.hostname);
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : place.port;
    this.#place = { hostname: place.hostname, port };
    this.#server = server;
  }

  async shut(): Promise<void> {
    this.#isShut = true;
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.close();
    await once(server, "close");
  }

  #letIn(socket: Socket): void {
    const slots = this.#service.faults.find(({ slots }) => slots)?.slots;
    const isOver = slots !== undefined && this.#sockets.size >= slots.count;
    socket.on("error", () => {});
    if (isOver && slots.others === "refuse") return void socket.resetAndDestroy();
    this.#sockets.add(socket);
    socket.on("close", () => this.#letGo(socket));
    // What an ignored client sends is read all the same: else its end would not be noticed.
    if (isOver) return void socket.resume();
    if (slots?.others === "refuse" && this.#sockets.size >= slots.count) this.#close();
    const idleMs = this.#service.faults.find(({ idleMs }) => idleMs)?.idleMs;
    if (idleMs !== undefined) socket.setTimeout(idleMs, () => socket.end());
    new Conversation(socket, this.#service).begin();
  }

  /** While all slots are taken nobody listens: a further client is refused by the system. */
  #close(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  #letGo(socket: Socket): void {
    this.#sockets.delete(socket);
    if (!this.#isShut && !this.#server) this.open(this.#place).catch(() => {});
  }
}

/** Answers one client, request by request. */
class Conversation {
  readonly #socket: Socket;
  readonly #service: FaultyService;
  readonly #openedAt = performance.now();
  readonly #openedIn: number;
  #answeredAt = this.#openedAt;
  #previous: Uint8Array | undefined;
  #held = new Uint8Array(0);
  #sending: Promise<void> = Promise.resolve();

  constructor(socket: Socket, service: FaultyService) {
    this.#socket = socket;
    this.#service = service;
    this.#openedIn = service.stateOf();
  }

  begin(): void {
    this.#socket.on("data", (bytes: Uint8Array) => this.#take(bytes));
  }

  #take(bytes: Uint8Array): void {
    this.#held = Uint8Array.of(...this.#held, ...bytes);
    if (this.#held.length > MOST_BYTES) return void this.#socket.destroy();
    try {
      for (;;) {
        const taken = this.#service.framing.take(this.#held);
        if (!taken) return;
        this.#held = this.#held.slice(taken.end);
        if (taken.request) this.#answer(taken.request);
      }
    } catch {
      this.#socket.destroy();
    }
  }

  #answer(request: Frame): void {
    const { faults, handler, framing, stateOf } = this.#service;
    const client: Client = {
      openedAt: this.#openedAt,
      answeredAt: this.#answeredAt,
      openedIn: this.#openedIn,
    };
    const now = performance.now();
    if (faults.some(({ hears }) => hears && !hears(client, now, stateOf()))) return;
    const pdu = answerPdu(request.unitId, request.pdu, handler);
    if (!pdu) return;
    const outgoing = {
      ...request,
      pdu,
      previous: this.#previous,
      encode: (frame: Frame) => framing.encode(frame),
    };
    this.#previous = pdu;
    const plain: readonly Step[] = [{ send: framing.encode({ ...request, pdu }) }];
    const delivered = faults.map(({ deliver }) => deliver?.(outgoing)).find((steps) => steps);
    this.#sending = this.#sending.then(() => this.#send(delivered ?? plain));
  }

  async #send(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (this.#socket.destroyed) return;
      if ("send" in step) this.#socket.write(step.send);
      else if ("waitMs" in step) await delay(step.waitMs);
      else if (step.end === "rst") this.#socket.resetAndDestroy();
      else this.#socket.end();
    }
    this.#answeredAt = performance.now();
  }
}
