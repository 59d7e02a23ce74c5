import { ModbusException, type ReadRequest, type Transport, TransportError } from "../core/mod.ts";
import { MAX_READ_QUANTITY } from "../modbus/mod.ts";
import { HEADER_LENGTH } from "./layout.ts";
import { type ModelRead, Run } from "./model_read.ts";
import {
  cutOf,
  halves,
  lateCutOf,
  type ModelWant,
  type Piece,
  planOf,
  type ReadPlan,
  type Request,
} from "./read_plan.ts";
import { checkPlace, type ModelPlace } from "./walk.ts";

/** Exception codes. */
const ILLEGAL_ADDRESS = 2;
const ILLEGAL_QUANTITY = 3;
/** Where ID and L of a model stand. */
const ID = { offset: 0 };
const LENGTH = { offset: 1 };
/** A device that refuses so few registers does not refuse them for their number. */
const SMALLEST_CAP = 8;
/** Registers of the largest number; only a device that gives even fewer at once sends it in parts. */
const LARGEST_NUMBER = 4;
/** So often such a number is read again until it is the same twice. */
const MOST_READ_AGAIN = 3;
/**
 * After so many refusals in one read, what is refused is given up with the rest of its model: a false
 * length can announce 65,535 registers.
 */
const REFUSAL_LIMIT = 500;

/** What a device has taught about reading it; good as long as its models stand where they stood. */
export interface Learned {
  /** The most registers it gives at once; undefined = as many as it was asked for. */
  maxRegisters: number | undefined;
  /** Addresses that no request may run across. */
  readonly barriers: Set<number>;
  /** Addresses that it refuses to serve. */
  readonly unreadable: Set<number>;
}

/** After so many requests without an answer, the device is left for later; what it taught stays. */
const SILENCE_LIMIT = 16;
/** So often what it is asked for at once stays unanswered before it is asked for less … */
const DROPS = 2;
/** … and a single point before it is given up for good: it may have been chance. */
const POINT_DROPS = 4;

/** Before the first read. */
export function nothingLearned(): Learned {
  return { maxRegisters: undefined, barriers: new Set(), unreadable: new Set() };
}

/**
 * Reads models with as few requests as the device allows, and learns what it allows: a request
 * that the device refuses is halved, and what it refuses alone is never asked for again.
 */
export class ModelReader {
  readonly #transport: Transport;
  readonly #functionCode: 3 | 4;
  readonly #learned: Learned;
  #plans = new WeakMap<readonly ModelWant[], ReadPlan>();
  #maxRegisters: number;
  /** Even asked twice it needs longer for a model than one moment: that is how it is. */
  #isSlow = false;

  /**
   * Nothing is read before `read`.
   *
   * @param maxRegisters the most registers to ask for at once, 1–125
   * @param learned what was learned when the device was open before; goes on being filled
   */
  constructor(
    transport: Transport,
    functionCode: 3 | 4,
    maxRegisters: number,
    learned: Learned = nothingLearned(),
  ) {
    this.#transport = transport;
    this.#functionCode = functionCode;
    this.#learned = learned;
    this.#maxRegisters = Math.min(
      maxRegisters,
      learned.maxRegisters ?? maxRegisters,
      MAX_READ_QUANTITY,
    );
  }

  /** Addresses that the device refuses to serve although its models contain them. */
  get unreadable(): readonly number[] {
    return [...this.#learned.unreadable].sort((a, b) => a - b);
  }

  /** Those of them that lie in some places. */
  refusedOf(places: readonly ModelPlace[]): readonly number[] {
    return [...this.#learned.unreadable].filter((at) =>
      places.some(({ address, length }) => at >= address && at < address + HEADER_LENGTH + length)
    );
  }

  /** What the device refused of these places it is asked for again: it may have been starting up. */
  askAgain(places: readonly ModelPlace[]): void {
    const refused = this.refusedOf(places);
    for (const address of refused) {
      this.#learned.unreadable.delete(address);
      this.#learned.barriers.delete(address);
    }
    if (refused.length > 0) this.#plans = new WeakMap();
  }

  /**
   * Reads models; the plan is kept for the same array of wants.
   *
   * @returns one result a want; what the device could not give this time is not implemented in it
   * @throws {ModbusException} the device gave nothing at all
   * @throws {TransportError} the wire broke, or a model no longer stands where the chain had it
   */
  read(wants: readonly ModelWant[], signal: AbortSignal): Promise<readonly ModelRead[]> {
    return this.#attempt(wants, signal, { isLast: this.#isSlow });
  }

  /** @param isLast whether parts of moments too far apart are taken as they are */
  async #attempt(
    wants: readonly ModelWant[],
    signal: AbortSignal,
    { isLast }: { readonly isLast: boolean },
  ): Promise<readonly ModelRead[]> {
    const functionCode = this.#functionCode;
    const plan = this.#planOf(wants);
    const run = new Run(plan, wants);
    const left = plan.requests.toReversed();
    for (let request = left.pop(); request; request = left.pop()) {
      const { address, quantity } = request;
      if (this.#learned.unreadable.has(address)) continue;
      const isTwin = quantity === run.lastQuantity;
      const lead = isTwin ? this.#leadOf(request, quantity, run) : 0;
      const cut = this.#placeToCut(request, quantity, isTwin && lead === 0, run);
      if (cut !== undefined) {
        left.push(...halves(plan.pieces, request, cut));
        continue;
      }
      const asked = { functionCode, address: address - lead, quantity: quantity + lead };
      try {
        if (isTwin && lead === 0) await this.#tellApart(request, run, signal);
        const isWhole = !this.#isInParts(asked, run);
        const bytes = isWhole
          ? await this.#transport.readRegisters(asked, signal)
          : await this.#readSteadily(asked, run, signal);
        if (isWhole) run.lastQuantity = asked.quantity;
        if (bytes) run.store(request, lead === 0 ? bytes : bytes.subarray(lead * 2));
      } catch (error) {
        left.push(...await this.#instead(request, run, error, signal));
      }
    }
    if (run.isTorn && !isLast) return await this.#attempt(wants, signal, { isLast: true });
    this.#isSlow = run.isTorn;
    return this.#checked(run);
  }

  #planOf(wants: readonly ModelWant[]): ReadPlan {
    const known = this.#plans.get(wants);
    if (known) return known;
    const { barriers, unreadable } = this.#learned;
    const plan = planOf(wants, { maxRegisters: this.#maxRegisters, barriers, unreadable });
    this.#plans.set(wants, plan);
    return plan;
  }

  #checked(run: Run): readonly ModelRead[] {
    if (run.isEmpty && run.lastFailure) throw run.lastFailure;
    for (const read of run.reads) {
      if (!read.isWhole && !(read.isRead(ID) && read.isRead(LENGTH))) continue;
      checkPlace(read.place, read.image, this.#transport.endpoint);
    }
    return run.reads;
  }

  /** Where a request has to be cut before it is sent; undefined = it may be sent. */
  #placeToCut(
    request: Request,
    quantity: number,
    isTwin: boolean,
    { plan }: Run,
  ): number | undefined {
    if (request.to - request.from === 1) return undefined;
    if (quantity > this.#maxRegisters) return cutOf(plan.pieces, request);
    return isTwin ? lateCutOf(plan, request) : undefined;
  }

  /** The requests to send instead of one that failed. */
  async #instead(
    request: Request,
    run: Run,
    error: unknown,
    signal: AbortSignal,
  ): Promise<Request[]> {
    const asked = Math.min(request.quantity, this.#maxRegisters);
    if (error instanceof TransportError) {
      await this.#requireDropped(request, run, error, signal);
      const drops = (request.drops ?? 0) + 1;
      const most = request.to - request.from === 1 ? POINT_DROPS : DROPS;
      if (drops < most) return [{ ...request, drops }];
      return this.#shrink({ ...request, drops: 1 }, run, asked, ILLEGAL_QUANTITY);
    }
    if (!(error instanceof ModbusException)) throw error;
    if (error.code === ILLEGAL_ADDRESS || error.code === ILLEGAL_QUANTITY) {
      return this.#shrink(request, run, asked, error.code);
    }
    if (error.code === 1 || error.code === 4) return this.#skip(request, run, error);
    throw error;
  }

  /**
   * Some devices drop a request that is too large for them, or touches what they do not have. One
   * that answers a small request while the large one stays unanswered again is such a device.
   *
   * @throws {TransportError} it does not answer at all
   */
  async #requireDropped(
    { from, address, quantity }: Request,
    run: Run,
    error: TransportError,
    signal: AbortSignal,
  ): Promise<void> {
    const first = run.plan.pieces[from];
    const place = first && run.placeOf(first.want);
    const canBe = error.fault === "timeout" || error.fault === "closed";
    if (!canBe || !place || run.silences >= SILENCE_LIMIT) throw error;
    if (address === place.address && quantity <= HEADER_LENGTH) throw error;
    const probe = {
      functionCode: this.#functionCode,
      address: place.address,
      quantity: HEADER_LENGTH,
    };
    await this.#transport.readRegisters(probe, signal).catch((failure) => {
      throw failure instanceof ModbusException ? failure : error;
    });
    run.silences++;
    run.lastQuantity = probe.quantity;
  }

  /** The device fails at something in there: what other models the request holds is asked for alone. */
  #skip(request: Request, run: Run, failure: ModbusException): Request[] {
    const { pieces } = run.plan;
    const [first, last] = [pieces[request.from], pieces[request.to - 1]];
    if (first && last && first.want !== last.want) {
      return halves(pieces, request, cutOf(pieces, request));
    }
    if (first) run.fail(first.want, failure);
    return [];
  }

  /**
   * The point before a request, or the end of a long text, to be read with it once more. A device
   * that is one answer behind gives the data of the request before, and only their number can tell.
   *
   * @returns its registers; 0 = it cannot be had
   */
  #leadOf({ from }: Request, length: number, run: Run): number {
    const { pieces } = run.plan;
    const [before, first] = [pieces[from - 1], pieces[from]];
    if (!before || !first || run.bringer(from - 1) < 0) return 0;
    const isNext = before.address + before.quantity === first.address;
    if (!isNext || this.#learned.barriers.has(first.address)) return 0;
    const room = Math.max(this.#maxRegisters - length, 0);
    if (before.quantity > LARGEST_NUMBER) return Math.min(before.quantity, room);
    return before.quantity <= room ? before.quantity : 0;
  }

  /** Where nothing can be read along with a number, the head of its model is read in between. */
  async #tellApart({ from, quantity }: Request, run: Run, signal: AbortSignal): Promise<void> {
    const place = run.placeOf(run.plan.pieces[from]?.want ?? -1);
    const other = quantity === 1 ? HEADER_LENGTH : 1;
    if (!place || quantity > LARGEST_NUMBER || other > this.#maxRegisters) return;
    const head = { functionCode: this.#functionCode, address: place.address, quantity: other };
    try {
      await this.#transport.readRegisters(head, signal);
      run.lastQuantity = other;
    } catch (error) {
      if (!(error instanceof ModbusException)) throw error;
    }
  }

  /** Whether it is larger than a request, or a text that is as long as the answer before. */
  #isInParts({ quantity }: ReadRequest, { lastQuantity }: Run): boolean {
    return quantity > this.#maxRegisters ||
      (quantity === lastQuantity && quantity > LARGEST_NUMBER);
  }

  /**
   * A number whose parts do not come at once may change between them: it is one only once it came
   * the same twice in a row.
   *
   * @returns undefined = it never did
   */
  async #readSteadily(
    asked: ReadRequest,
    run: Run,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const read = () => this.#readParts(asked, run, signal);
    let before = await read();
    if (asked.quantity > LARGEST_NUMBER) return before;
    for (let again = 0; again < MOST_READ_AGAIN; again++) {
      const now = await read();
      if (now.every((byte, i) => byte === before[i])) return now;
      before = now;
    }
    return undefined;
  }

  async #readParts(
    { functionCode, address, quantity: length }: ReadRequest,
    run: Run,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const bytes = new Uint8Array(length * 2);
    for (let done = 0; done < length; done += run.lastQuantity) {
      const most = Math.min(length - done, this.#maxRegisters);
      const quantity = unlike(run.lastQuantity, most);
      const part = { functionCode, address: address + done, quantity };
      bytes.set(await this.#transport.readRegisters(part, signal), done * 2);
      run.lastQuantity = quantity;
    }
    return bytes;
  }

  /** @param asked how many registers the refused request asked for */
  #shrink(request: Request, run: Run, asked: number, code: number): Request[] {
    const { from, to, cuts = [], most = this.#maxRegisters } = request;
    const { pieces } = run.plan;
    this.#plans = new WeakMap();
    run.refusals++;
    if (run.refusals > REFUSAL_LIMIT) {
      const want = pieces[from]?.want;
      const end = pieces.findLastIndex((piece) => piece.want === want) + 1;
      this.#giveUp(pieces.slice(from, Math.max(to, end)), cuts, most);
      return [];
    }
    if (code === ILLEGAL_QUANTITY && asked > SMALLEST_CAP) {
      this.#cap(Math.ceil(asked / 2));
      return [{ ...request, most }];
    }
    if (to - from === 1) {
      this.#giveUp(pieces.slice(from, to), cuts, most);
      return [];
    }
    const cut = cutOf(pieces, request);
    const ends = [from, cut].map((i) => pieces[i]?.address ?? -1);
    for (const address of ends) this.#learned.barriers.add(address);
    return halves(pieces, { ...request, cuts: [...cuts, ...ends], most }, cut);
  }

  #cap(registers: number): void {
    this.#maxRegisters = registers;
    this.#learned.maxRegisters = registers;
  }

  /** It was these points and not their number: what was learned on the way to them is void. */
  #giveUp(lost: readonly Piece[], cuts: readonly number[], most: number): void {
    this.#cap(most);
    for (const cut of cuts) {
      if (!this.#learned.unreadable.has(cut)) this.#learned.barriers.delete(cut);
    }
    for (const { address } of lost) this.#learned.unreadable.add(address);
    this.#learned.barriers.add(lost[0]?.address ?? -1);
  }
}

/** A number of registers that is not the last one. */
function unlike(last: number, quantity: number): number {
  return quantity === last ? Math.max(quantity - 1, 1) : quantity;
}
