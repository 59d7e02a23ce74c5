import type { ExchangeLine, ReadHandler } from "../modbus/mod.ts";

const ILLEGAL_DATA_ADDRESS = 2;
const GATEWAY_TARGET_FAILED = 11;

/** A device as it was recorded. */
export interface Replay {
  /** As it was written down. */
  readonly endpoint: string;
  /** Those that were asked. */
  readonly unitIds: readonly number[];
  /** Answers as the device did: the same request with the same replies, in their order. */
  readonly handler: ReadHandler;
}

/** Registers, exception code, or silence. */
type Response = Uint8Array | number | undefined;

/** The devices of a recording, by endpoint, in the order in which they were first asked. */
export function replaysOf(lines: readonly ExchangeLine[]): readonly Replay[] {
  const byEndpoint = Map.groupBy(lines, ({ endpoint }) => endpoint);
  return [...byEndpoint].map(([endpoint, own]) => {
    const units = Map.groupBy(own, ({ unitId }) => unitId);
    const replays = new Map([...units].map(([unitId, lines]) => [unitId, new UnitReplay(lines)]));
    return {
      endpoint,
      unitIds: [...replays.keys()],
      handler(unitId, request) {
        const replay = replays.get(unitId);
        return replay ? replay.answer(request) : GATEWAY_TARGET_FAILED;
      },
    };
  });
}

type Request = Parameters<ReadHandler>[1];

/** One unit id of a recording. */
class UnitReplay {
  readonly #responses = new Map<string, Response[]>();
  /** What is known of its registers, by function code and address. */
  readonly #registers = new Map<string, number>();

  constructor(lines: readonly ExchangeLine[]) {
    let asked: Request | undefined;
    for (const line of lines) {
      if (line.kind === ">") asked = requestOf(line.pdu);
      else if (asked) {
        this.#add(asked, line);
        asked = undefined;
      }
    }
  }

  answer(request: Request): Response {
    const responses = this.#responses.get(keyOf(request));
    if (!responses) return this.#fromRegisters(request);
    // The last one is repeated for ever.
    return responses.length > 1 ? responses.shift() : responses[0];
  }

  #add(request: Request, { kind, pdu, failure }: ExchangeLine): void {
    // What came instead of a reply is not to be had again; the next try tells what the device did.
    if (kind === "!" && !failure.startsWith("timeout")) return;
    const response = kind === "!" ? undefined : responseOf(pdu);
    const key = keyOf(request);
    this.#responses.set(key, [...this.#responses.get(key) ?? [], response]);
    if (response instanceof Uint8Array) this.#learn(request, response);
  }

  #learn({ functionCode, address }: Request, data: Uint8Array): void {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let i = 0; i < data.length / 2; i++) {
      const key = `${functionCode} ${address + i}`;
      if (!this.#registers.has(key)) this.#registers.set(key, view.getUint16(i * 2));
    }
  }

  /** A request that was not recorded, of registers that all were: another version of us asks. */
  #fromRegisters({ functionCode, address, quantity }: Request): Response {
    const data = new DataView(new ArrayBuffer(quantity * 2));
    for (let i = 0; i < quantity; i++) {
      const word = this.#registers.get(`${functionCode} ${address + i}`);
      if (word === undefined) return ILLEGAL_DATA_ADDRESS;
      data.setUint16(i * 2, word);
    }
    return new Uint8Array(data.buffer);
  }
}

function requestOf(pdu: Uint8Array): Request | undefined {
  if (pdu.length !== 5) return undefined;
  const view = new DataView(pdu.buffer, pdu.byteOffset, pdu.byteLength);
  return {
    functionCode: view.getUint8(0),
    address: view.getUint16(1),
    quantity: view.getUint16(3),
  };
}

function responseOf(pdu: Uint8Array): Response {
  return ((pdu[0] ?? 0) & 0x80) === 0 ? pdu.slice(2) : pdu[1] ?? ILLEGAL_DATA_ADDRESS;
}

function keyOf({ functionCode, address, quantity }: Request): string {
  return `${functionCode} ${address} ${quantity}`;
}
