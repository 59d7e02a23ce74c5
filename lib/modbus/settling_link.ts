import { TransportError } from "../core/mod.ts";
import { addressOf, isException, MAX_READ_QUANTITY, quantityOf, readPdu } from "./frame.ts";
import type { Exchange, Link, OpenLink } from "./link.ts";
import { RTU_OVERHEAD } from "./rtu.ts";

/** No reply comes so late. */
const LATEST_MS = 60_000;
/** So often a unit that owes a reply is asked for something else while it refuses. */
const MOST_PROBES = 4;
/** A line that an earlier process may have left in the middle of a request is heard for so long. */
const FIRST_QUIET_MS = 1000;

/**
 * What may still come on a line whose replies do not name their requests. It outlives the
 * connections to that line.
 */
export class LateReplies {
  /** By unit id: the quantities asked for in vain, and when a reply to each is out of the question. */
  readonly #awaited = new Map<number, Map<number, number>>();
  /** By unit id: the last request that registers came for. */
  readonly #served = new Map<number, Uint8Array>();
  /** How long the line must have been quiet before it is used; undefined = it may be used. */
  quietMs: number | undefined = FIRST_QUIET_MS;

  /** A request may be answered after all. */
  expect(unitId: number, quantity: number, timeoutMs: number): void {
    const quantities = this.#awaited.get(unitId) ?? new Map<number, number>();
    quantities.set(quantity, performance.now() + LATEST_MS);
    this.#awaited.set(unitId, quantities);
    this.quietMs = timeoutMs;
  }

  /** Whether replies of a unit may still come. */
  areAwaited(unitId: number): boolean {
    return this.#awaited.has(unitId);
  }

  /** Registers came for a request. */
  serve(unitId: number, pdu: Uint8Array): void {
    this.#served.set(unitId, pdu.slice());
  }

  /** A request for which registers came before; undefined = there was none. */
  served(unitId: number): Uint8Array | undefined {
    return this.#served.get(unitId);
  }

  /** None will: a unit answers in the order it was asked, and it has answered a later request. */
  settle(unitId: number): void {
    this.#awaited.delete(unitId);
  }

  /**
   * A quantity that no reply which may still come has, nor the one to the next request.
   *
   * @returns undefined = there is none left
   */
  otherQuantity(unitId: number, address: number, quantity: number): number | undefined {
    const awaited = this.#awaited.get(unitId) ?? new Map<number, number>();
    const now = performance.now();
    for (const [asked, until] of awaited) if (until < now) awaited.delete(asked);
    const most = Math.min(MAX_READ_QUANTITY, 0x1_0000 - address);
    // Few are the soonest answered, and by devices too that drop large requests.
    for (let few = 1; few <= most; few++) if (few !== quantity && !awaited.has(few)) return few;
    return undefined;
  }
}

/**
 * A link of RTU frames on which a late reply is never taken for the answer to a later request of
 * the same shape. After a failure the line is left alone until it is quiet, and a unit that owes a
 * reply is asked for another number of registers first: when it answers that, it owes none.
 */
export class SettlingLink implements OpenLink {
  readonly #link: Link;
  readonly #late: LateReplies;
  readonly #byteMs: number;

  /**
   * @param late what earlier links left behind
   * @param byteMs the time a byte takes on its way, 0 on a network
   */
  constructor(link: Link, late: LateReplies, byteMs: number) {
    this.#link = link;
    this.#late = late;
    this.#byteMs = byteMs;
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  get nextTransactionId(): number {
    return this.#link.nextTransactionId;
  }

  async exchange(exchange: Exchange): Promise<Uint8Array> {
    const { quietMs } = this.#late;
    if (quietMs !== undefined) {
      await this.#link.drain(Math.min(quietMs, exchange.timeoutMs), exchange.signal);
      this.#late.quietMs = undefined;
    }
    if (this.#late.areAwaited(exchange.unitId)) await this.#settle(exchange);
    return await this.#ask(exchange);
  }

  close(): void {
    this.#link.close();
  }

  /**
   * Asks for what the unit is known to serve: an exception may be late itself, with a reply of any
   * size behind it. One exception after the other is what the unit has to say now.
   */
  async #settle(exchange: Exchange): Promise<void> {
    const { unitId, pdu, timeoutMs, signal } = exchange;
    const served = this.#late.served(unitId);
    const most = served ? MOST_PROBES : 1;
    for (let probes = 0; probes < most; probes++) {
      const probe = this.#probe(unitId, served ?? pdu, quantityOf(pdu));
      if (!isException(await this.#ask({ ...exchange, pdu: probe }))) break;
      this.#late.expect(unitId, quantityOf(probe), timeoutMs);
      await this.#link.drain(timeoutMs, signal);
    }
    this.#late.settle(unitId);
  }

  /** Asks for the registers of a request, but for another number of them than any awaited reply has. */
  #probe(unitId: number, pdu: Uint8Array, next: number): Uint8Array {
    const address = addressOf(pdu);
    const quantity = this.#late.otherQuantity(unitId, address, next);
    if (quantity === undefined) {
      const why = "it has left too many requests unanswered to tell its replies apart";
      throw new TransportError(`Cannot read from unit ${unitId}: ${why}`, "timeout");
    }
    return readPdu({ functionCode: pdu[0] === 4 ? 4 : 3, address, quantity });
  }

  async #ask(exchange: Exchange): Promise<Uint8Array> {
    const { unitId, pdu, timeoutMs } = exchange;
    const quantity = quantityOf(pdu);
    const onItsWay = (pdu.length + 2 + quantity * 2 + 2 * RTU_OVERHEAD) * this.#byteMs;
    try {
      const reply = await this.#link.exchange({
        ...exchange,
        timeoutMs: Math.ceil(timeoutMs + onItsWay),
      });
      if (!isException(reply)) this.#late.serve(unitId, pdu);
      return reply;
    } catch (error) {
      this.#late.expect(unitId, quantity, timeoutMs);
      throw error;
    }
  }
}
