import type { ModbusException } from "../core/mod.ts";
import { HEADER_LENGTH, type Leaf } from "./layout.ts";
import { isSplit, type ModelWant, type ReadPlan, type Request, wantsOf } from "./read_plan.ts";
import type { ModelPlace } from "./walk.ts";

/** Milliseconds within which the parts of a model have to arrive, or it is asked for once more. */
const MOST_APART_MS = 1500;

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

/** Bytes and bookkeeping of one read. */
export class Run {
  /** What it goes by. */
  readonly plan: ReadPlan;
  /** Per want: what came of it. */
  readonly reads: readonly WantRead[];
  /** Requests that were refused for where they lie or how long they are. */
  refusals = 0;
  /** Requests that were dropped by a device that is there. */
  silences = 0;
  /** What the device answered last instead of registers that it has. */
  lastFailure: ModbusException | undefined;
  /** Registers of the last answer. */
  lastQuantity = 0;
  #requests = 0;
  /** By piece, which request brought it; undefined while all went as planned. */
  #bringer: Int32Array | undefined;

  /** Nothing has arrived. */
  constructor(plan: ReadPlan, wants: readonly ModelWant[]) {
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

  /** Where the model of a want stands. */
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
export class WantRead implements ModelRead {
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
