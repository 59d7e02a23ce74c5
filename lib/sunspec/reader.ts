import { ModbusException, type ReadRequest, type Transport, TransportError } from "../core/mod.ts";
import { type Atom, MAX_READ_QUANTITY, planReads } from "../modbus/mod.ts";
import { HEADER_LENGTH, type Layout, type Leaf } from "./layout.ts";
import { checkPlace, type ModelPlace } from "./walk.ts";

const ADDRESS_SPACE = 0x1_0000;
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
/** Milliseconds within which the parts of a model have to arrive, or it is asked for once more. */
const MOST_APART_MS = 1500;
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

/** A model to read: where it stands, and what of it. */
export interface ModelWant {
  /** Where it stands. */
  readonly place: ModelPlace;
  /** undefined = no definition: the registers as they are. */
  readonly layout: Layout | undefined;
  /** Which points; their scale factors and the header come along. */
  isWanted(leaf: Leaf): boolean;
  /** Whether registers without a point come along: pads, and what is behind the last point. */
  readonly isBare?: boolean | undefined;
}

/** A model as it was read. */
export interface ModelRead {
  /** From the ID register on, (length + 2) × 2 bytes; what was not read is not implemented. */
  readonly image: DataView;
  /** Unix milliseconds at which the last of its registers arrived; 0 = none did. */
  readonly readAt: number;
  /** What the device answered instead of some of it, this time. */
  readonly failure: ModbusException | undefined;
  /** Whether each point came, and in the same request as its scale factor. */
  readonly isWhole: boolean;
  /** Whether a point came in another request than its scale factor. */
  isSplit(leaf: Leaf): boolean;
  /** Whether a point was asked for and came; of a model without definition, each register is one. */
  isRead(point: Pick<Leaf, "offset">): boolean;
}

/** Before the first read. */
export function nothingLearned(): Learned {
  return { maxRegisters: undefined, barriers: new Set(), unreadable: new Set() };
}

/** An atom of the plan with where it goes. */
interface Piece extends Atom {
  /** Index into the wants. */
  readonly want: number;
  readonly leaf: Leaf | undefined;
}

/** Consecutive pieces `from` ≤ i < `to` in one request. */
interface Request {
  readonly from: number;
  readonly to: number;
  /** The registers from the first of them to the last. */
  readonly address: number;
  readonly quantity: number;
  /** Addresses at which the refused requests before this one began and were cut. */
  readonly cuts?: readonly number[];
  /** The most registers in one request before the first of them was refused. */
  readonly most?: number;
  /** So often it stayed unanswered although the device was there; what it is cut into is suspect. */
  readonly drops?: number;
}

interface Plan {
  /** Per want. */
  readonly layouts: readonly (Layout | undefined)[];
  readonly pieces: readonly Piece[];
  readonly requests: readonly Request[];
  /** By request: which wants it brings something of. */
  readonly touched: readonly (readonly number[])[];
  /** By piece: which of the requests brings it, counted from 1. */
  readonly bringer: Int32Array;
  /** Per want, by the leaf's offset: the index of its piece; −1 = there is none. */
  readonly index: readonly Int32Array[];
  /** Per want: its registers with every point marked as not implemented. */
  readonly blanks: readonly Uint8Array[];
  /** Per want: whether it is planned that each point comes, in the request of its scale factor. */
  readonly wholes: readonly boolean[];
}

/**
 * Reads models with as few requests as the device allows, and learns what it allows: a request
 * that the device refuses is halved, and what it refuses alone is never asked for again.
 */
export class ModelReader {
  readonly #transport: Transport;
  readonly #functionCode: 3 | 4;
  readonly #learned: Learned;
  #plans = new WeakMap<readonly ModelWant[], Plan>();
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

  /** What the device refused of these places it is asked for again: it may have been starting up. */
  askAgain(places: readonly ModelPlace[]): void {
    const refused = this.unreadable.filter((at) =>
      places.some(({ address, length }) => at >= address && at < address + HEADER_LENGTH + length)
    );
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
    const plan = this.#plans.get(wants) ?? this.#plan(wants);
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
    return isTwin ? request.to - 1 : undefined;
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
   * The point before a request, to be read with it once more. A device that is one answer behind
   * gives the data of the request before, and only their number can tell.
   *
   * @returns its registers; 0 = it cannot be had
   */
  #leadOf({ from }: Request, length: number, run: Run): number {
    const { pieces } = run.plan;
    const [before, first] = [pieces[from - 1], pieces[from]];
    if (!before || !first || run.bringer(from - 1) < 0) return 0;
    const isNext = before.address + before.quantity === first.address;
    if (!isNext || this.#learned.barriers.has(first.address)) return 0;
    return length + before.quantity <= this.#maxRegisters ? before.quantity : 0;
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

  #plan(wants: readonly ModelWant[]): Plan {
    const pieces = wants.flatMap((want, i) => piecesOf(want, i))
      .filter(({ address, quantity }) => address + quantity <= ADDRESS_SPACE)
      .filter(({ address }) => !this.#learned.unreadable.has(address))
      .sort((a, b) => a.address - b.address);
    const index = wants.map(({ place }) => new Int32Array(place.length + HEADER_LENGTH).fill(-1));
    for (const [i, { want, address }] of pieces.entries()) {
      const offset = address - (wants[want]?.place.address ?? 0);
      index[want]?.fill(i, offset, offset + 1);
    }
    const atoms = pieces.map(({ address, quantity, want, leaf }) => {
      const scale = typeof leaf?.scale === "object" ? leaf.scale : undefined;
      return { address, quantity, partner: partnerIn(index[want], scale), block: want };
    });
    const barriers = new Set([...this.#learned.barriers, ...gapsWithoutDefinition(wants)]);
    const requests = this.#requestsFor(pieces, atoms, barriers);
    const bringer = new Int32Array(pieces.length);
    for (const [i, { from, to }] of requests.entries()) bringer.fill(i + 1, from, to);
    const touched = requests.map((request) => wantsOf(pieces, request));
    const wholes = wants.map(({ layout }, want) => {
      const bringerOf = ({ offset }: Leaf) => bringer[index[want]?.[offset] ?? -1] ?? -1;
      const isWhole = (leaf: Leaf) => bringerOf(leaf) >= 0 && !isSplit(leaf, bringerOf);
      return layout?.leaves.filter(isReadable).every(isWhole) ?? false;
    });
    const blanks = wants.map(blank);
    const layouts = wants.map(({ layout }) => layout);
    const plan = shared({ layouts, pieces, requests, touched, bringer, index, blanks, wholes });
    this.#plans.set(wants, plan);
    return plan;
  }

  /** A register smaller than they could be, if two in a row would be too large to be told apart. */
  #requestsFor(
    pieces: readonly Piece[],
    atoms: readonly Atom[],
    barriers: ReadonlySet<number>,
  ): readonly Request[] {
    const most = this.#maxRegisters;
    const planned = (maxRegisters: number) =>
      assign(pieces, planReads(atoms, { maxRegisters, barriers }));
    const requests = planned(most);
    return most > 1 && hasTwins(requests, most) ? planned(most - 1) : requests;
  }
}

/** Bytes and bookkeeping of one read. */
class Run {
  readonly plan: Plan;
  readonly reads: readonly WantRead[];
  refusals = 0;
  /** Requests that were dropped by a device that is there. */
  silences = 0;
  lastFailure: ModbusException | undefined;
  /** Registers of the last answer. */
  lastQuantity = 0;
  #requests = 0;
  /** By piece, which request brought it; undefined while all went as planned. */
  #bringer: Int32Array | undefined;

  constructor(plan: Plan, wants: readonly ModelWant[]) {
    this.plan = plan;
    this.reads = wants.map(({ place }, want) => new WantRead(this, want, place));
  }

  /** Whether nothing has arrived. */
  get isEmpty(): boolean {
    return this.#requests === 0;
  }

  /** Whether a model's parts are of moments too far apart. */
  get isTorn(): boolean {
    return this.reads.some(({ isTorn }) => isTorn);
  }

  placeOf(want: number): ModelPlace | undefined {
    return this.reads[want]?.place;
  }

  /** The device could not give some of a want. */
  fail(want: number, failure: ModbusException): void {
    this.lastFailure = failure;
    const read = this.reads[want];
    if (read) read.failure = failure;
  }

  /** Whether everything has arrived as planned. */
  get isAsPlanned(): boolean {
    return this.#bringer === undefined && this.#requests === this.plan.requests.length;
  }

  /** Which request brought the point of a want at an offset; −1 = none did. */
  bringerOf(want: number, offset: number): number {
    return this.bringer(this.plan.index[want]?.[offset] ?? -1);
  }

  /** Which request brought a piece; −1 = none did. */
  bringer(piece: number): number {
    if (this.#bringer) return this.#bringer[piece] ?? -1;
    const planned = this.plan.bringer[piece] ?? -1;
    return planned <= this.#requests ? planned : -1;
  }

  /** Copies what a request brought into the images it touches. */
  store(request: Request, bytes: Uint8Array): void {
    const { requests, touched, pieces } = this.plan;
    const now = Date.now();
    const isPlanned = requests[this.#requests] === request;
    const wants = isPlanned ? touched[this.#requests] ?? [] : wantsOf(pieces, request);
    if (!isPlanned) this.#deviate();
    this.#requests++;
    this.#bringer?.fill(this.#requests, request.from, request.to);
    for (const want of wants) this.reads[want]?.store(request.address, bytes, now);
  }

  /** From here on it is not as planned which request brings what. */
  #deviate(): void {
    this.#bringer ??= this.plan.bringer.map((planned) => planned <= this.#requests ? planned : -1);
  }
}

/** What was read of one want. */
class WantRead implements ModelRead {
  readonly place: ModelPlace;
  readAt = 0;
  failure: ModbusException | undefined;
  /** Its first part came long before its last one. */
  isTorn = false;
  #firstAt = 0;
  readonly #run: Run;
  readonly #want: number;
  #image: DataView | undefined;

  constructor(run: Run, want: number, place: ModelPlace) {
    this.place = place;
    this.#run = run;
    this.#want = want;
  }

  get image(): DataView {
    const blank = this.#run.plan.blanks[this.#want] ?? new Uint8Array(0);
    return this.#image ??= new DataView(blank.slice().buffer);
  }

  get isWhole(): boolean {
    return this.#run.isAsPlanned && (this.#run.plan.wholes[this.#want] ?? false);
  }

  isSplit(leaf: Leaf): boolean {
    return !this.isWhole && isSplit(leaf, ({ offset }) => this.#run.bringerOf(this.#want, offset));
  }

  isRead({ offset }: Pick<Leaf, "offset">): boolean {
    return this.#run.bringerOf(this.#want, offset) >= 0;
  }

  /** Takes what there is for it among the registers from an address on. */
  store(address: number, bytes: Uint8Array, now: number): void {
    const { place } = this;
    this.readAt = now;
    this.#firstAt ||= now;
    this.isTorn = now - this.#firstAt > MOST_APART_MS;
    const from = (address - place.address) * 2;
    const length = (place.length + HEADER_LENGTH) * 2;
    if (from <= 0 && from + bytes.length >= length) {
      // All of it came at once: it need not be copied.
      this.#image = new DataView(bytes.buffer, bytes.byteOffset - from, length);
      return;
    }
    const { image } = this;
    const end = Math.min(from + bytes.length, image.byteLength);
    for (let at = Math.max(from, 0); at < end; at++) image.setUint8(at, bytes[at - from] ?? 0);
  }
}

/** @param bringerOf which request brings a point; −1 = none does */
function isSplit(leaf: Leaf, bringerOf: (leaf: Leaf) => number): boolean {
  if (typeof leaf.scale !== "object") return false;
  const value = bringerOf(leaf);
  const factor = bringerOf(leaf.scale);
  return value >= 0 && factor >= 0 && value !== factor;
}

/** Plans that devices of a kind share; devices that are none of a kind must not fill the memory. */
const MOST_SHARED = 32;
const plansByLayout = new WeakMap<Layout, Plan[]>();

/** The plan of another device, if it is the same. */
function shared(plan: Plan): Plan {
  const [first] = plan.layouts;
  if (!first || plan.layouts.includes(undefined)) return plan;
  const known = plansByLayout.get(first) ?? [];
  plansByLayout.set(first, known);
  const alike = known.find((other) => isAlike(other, plan));
  if (!alike && known.length < MOST_SHARED) known.push(plan);
  return alike ?? plan;
}

function isAlike(one: Plan, other: Plan): boolean {
  return one.layouts.length === other.layouts.length &&
    one.layouts.every((layout, i) => layout === other.layouts[i]) &&
    one.pieces.length === other.pieces.length &&
    one.pieces.every(({ address, want, leaf }, i) => {
      const piece = other.pieces[i];
      return piece?.address === address && piece.want === want && piece.leaf === leaf;
    }) &&
    one.requests.length === other.requests.length &&
    one.requests.every(({ from, to }, i) => {
      const request = other.requests[i];
      return request?.from === from && request.to === to;
    });
}

function wantsOf(pieces: readonly Piece[], { from, to }: Request): readonly number[] {
  return [...new Set(pieces.slice(from, to).map(({ want }) => want))];
}

function partnerIn(index: Int32Array | undefined, scale: Leaf | undefined): number | undefined {
  const piece = scale && index?.[scale.offset];
  return piece === -1 ? undefined : piece;
}

function piecesOf({ place, layout, isWanted, isBare }: ModelWant, want: number): Piece[] {
  const piece = (offset: number, quantity: number, leaf: Leaf | undefined): Piece => ({
    address: place.address + offset,
    quantity,
    partner: undefined,
    block: want,
    want,
    leaf,
  });
  const word = (offset: number) => piece(offset, 1, undefined);
  if (!layout) return offsetsOf(place).map(word);
  const present = layout.leaves.filter(isReadable);
  const counts = [...layout.counts.keys()];
  const offsets = new Set([0, 1, ...counts.map(({ offset }) => offset)]);
  for (const leaf of present) {
    if (!isWanted(leaf)) continue;
    offsets.add(leaf.offset);
    if (typeof leaf.scale === "object" && leaf.scale.isPresent) offsets.add(leaf.scale.offset);
  }
  const points = present.filter(({ offset }) => offsets.has(offset))
    .map((leaf) => piece(leaf.offset, leaf.definition.size, leaf));
  if (!isBare) return points;
  const isTaken = new Array<boolean>(place.length + HEADER_LENGTH);
  for (const { offset, definition } of present) {
    isTaken.fill(true, offset, offset + definition.size);
  }
  return [...points, ...offsetsOf(place).filter((offset) => !isTaken[offset]).map(word)];
}

/** Of all registers of a model; a false length may reach beyond the address space. */
function offsetsOf({ address, length }: ModelPlace): number[] {
  return [...Array(Math.min(length + HEADER_LENGTH, ADDRESS_SPACE - address)).keys()];
}

function isReadable({ isPresent, definition }: Leaf): boolean {
  return isPresent && definition.type.kind !== "pad";
}

/** Registers that belong to no known model may not be readable: no request runs across them. */
function gapsWithoutDefinition(wants: readonly ModelWant[]): number[] {
  const places = wants.map(({ place }) => place).sort((a, b) => a.address - b.address);
  const barriers: number[] = [];
  for (const [i, place] of places.entries()) {
    const end = place.address + HEADER_LENGTH + place.length;
    const next = places[i + 1];
    if (next && next.address !== end) barriers.push(next.address);
    const want = wants.find((want) => want.place === place);
    if (!want?.layout) barriers.push(place.address, end);
    else if (want.isBare) barriers.push(place.address + endOf(want.layout));
  }
  return barriers;
}

/** The offset behind the last register that a definition knows. */
function endOf({ leaves }: Layout): number {
  return leaves.filter(({ isPresent }) => isPresent)
    .reduce((end, { offset, definition }) => Math.max(end, offset + definition.size), 0);
}

/** Turns planned reads back into ranges of pieces. */
function assign(
  pieces: readonly Piece[],
  reads: readonly { readonly address: number; readonly quantity: number }[],
): Request[] {
  const requests: Request[] = [];
  let from = 0;
  for (const { address, quantity } of reads) {
    let to = from;
    while (to < pieces.length && (pieces[to]?.address ?? 0) < address + quantity) to++;
    if (to > from) requests.push({ from, to, ...spanOf(pieces, { from, to }) });
    from = to;
  }
  return requests;
}

/** Whether two requests in a row are of the largest size. */
function hasTwins(requests: readonly Request[], maxRegisters: number): boolean {
  const isLargest = requests.map(({ quantity }) => quantity === maxRegisters);
  return isLargest.some((is, i) => is && isLargest[i - 1]);
}

/** A number of registers that is not the last one. */
function unlike(last: number, quantity: number): number {
  return quantity === last ? Math.max(quantity - 1, 1) : quantity;
}

/** The registers from the first piece of a request to its last. */
function spanOf(pieces: readonly Piece[], { from, to }: Pick<Request, "from" | "to">) {
  const [first, last] = [pieces[from], pieces[to - 1]];
  if (!first || !last) throw new RangeError(`No pieces from ${from} to ${to}`);
  return { address: first.address, quantity: last.address + last.quantity - first.address };
}

/** A request in two, the first one last. */
function halves(pieces: readonly Piece[], request: Request, cut: number): Request[] {
  const { from, to } = request;
  return [{ from: cut, to }, { from, to: cut }]
    .map((half) => ({ ...request, ...half, ...spanOf(pieces, half) }));
}

/** Where to cut a request: between two models if it holds several, else in the middle. */
function cutOf(pieces: readonly Piece[], { from, to }: Request): number {
  const middle = Math.floor((from + to) / 2);
  const borders: number[] = [];
  for (let i = from + 1; i < to; i++) {
    if (pieces[i]?.want !== pieces[i - 1]?.want) borders.push(i);
  }
  if (borders.length === 0) return middle;
  return borders.reduce((a, b) => Math.abs(a - middle) <= Math.abs(b - middle) ? a : b);
}

/** What was not read must not look like a value: every point starts as not implemented. */
function blank({ place, layout }: ModelWant): Uint8Array {
  const bytes = new Uint8Array((place.length + HEADER_LENGTH) * 2).fill(0xff);
  const view = new DataView(bytes.buffer);
  for (const { isPresent, definition, offset } of layout?.leaves ?? []) {
    if (isPresent) definition.type.encode(view, offset * 2, definition.size, null);
  }
  return bytes;
}
