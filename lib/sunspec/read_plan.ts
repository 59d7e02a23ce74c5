import { type Atom, planReads } from "../modbus/mod.ts";
import { HEADER_LENGTH, type Layout, type Leaf } from "./layout.ts";
import type { ModelPlace } from "./walk.ts";

const ADDRESS_SPACE = 0x1_0000;

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

/** An atom of the plan with where it goes. */
export interface Piece extends Atom {
  /** Index into the wants. */
  readonly want: number;
  /** undefined = registers without a point. */
  readonly leaf: Leaf | undefined;
}

/** Consecutive pieces `from` ≤ i < `to` in one request. */
export interface Request {
  /** Its first piece. */
  readonly from: number;
  /** The piece behind its last. */
  readonly to: number;
  /** Its first register. */
  readonly address: number;
  /** The registers from there to its last. */
  readonly quantity: number;
  /** Addresses at which the refused requests before this one began and were cut. */
  readonly cuts?: readonly number[];
  /** The most registers in one request before the first of them was refused. */
  readonly most?: number;
  /** So often it stayed unanswered although the device was there; what it is cut into is suspect. */
  readonly drops?: number;
}

/** How models are read. */
export interface ReadPlan {
  /** Per want. */
  readonly layouts: readonly (Layout | undefined)[];
  /** In the order of their addresses. */
  readonly pieces: readonly Piece[];
  /** In the order of their pieces. */
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

/** What a device has taught that its plans respect. */
export interface PlanLimits {
  /** The most registers in one request. */
  readonly maxRegisters: number;
  /** Addresses that no request may run across. */
  readonly barriers: ReadonlySet<number>;
  /** Addresses that it refuses to serve. */
  readonly unreadable: ReadonlySet<number>;
}

/** Plans the requests for models. */
export function planOf(wants: readonly ModelWant[], limits: PlanLimits): ReadPlan {
  const pieces = wants.flatMap((want, i) => piecesOf(want, i))
    .filter(({ address, quantity }) => address + quantity <= ADDRESS_SPACE)
    .filter(({ address }) => !limits.unreadable.has(address))
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
  const barriers = new Set([...limits.barriers, ...gapsWithoutDefinition(wants)]);
  const requests = requestsFor(pieces, atoms, { ...limits, barriers });
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
  return shared({ layouts, pieces, requests, touched, bringer, index, blanks, wholes });
}

/** A register smaller than they could be, if two in a row would be too large to be told apart. */
function requestsFor(
  pieces: readonly Piece[],
  atoms: readonly Atom[],
  { maxRegisters: most, barriers }: Pick<PlanLimits, "maxRegisters" | "barriers">,
): readonly Request[] {
  const planned = (maxRegisters: number) =>
    assign(pieces, planReads(atoms, { maxRegisters, barriers }));
  const requests = planned(most);
  return most > 1 && hasTwins(requests, most) ? planned(most - 1) : requests;
}

/**
 * Whether a point comes in another request than its scale factor.
 *
 * @param bringerOf which request brings a point; −1 = none does
 */
export function isSplit(leaf: Leaf, bringerOf: (leaf: Leaf) => number): boolean {
  if (typeof leaf.scale !== "object") return false;
  const value = bringerOf(leaf);
  const factor = bringerOf(leaf.scale);
  return value >= 0 && factor >= 0 && value !== factor;
}

/** Plans that devices of a kind share; devices that are none of a kind must not fill the memory. */
const MOST_SHARED = 32;
const plansByLayout = new WeakMap<Layout, ReadPlan[]>();

/** The plan of another device, if it is the same. */
function shared(plan: ReadPlan): ReadPlan {
  const [first] = plan.layouts;
  if (!first || plan.layouts.includes(undefined)) return plan;
  const known = plansByLayout.get(first) ?? [];
  plansByLayout.set(first, known);
  const alike = known.find((other) => isAlike(other, plan));
  if (!alike && known.length < MOST_SHARED) known.push(plan);
  return alike ?? plan;
}

function isAlike(one: ReadPlan, other: ReadPlan): boolean {
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

/** The wants that a request brings something of. */
export function wantsOf(pieces: readonly Piece[], { from, to }: Request): readonly number[] {
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

/** The registers from the first piece of a request to its last. */
function spanOf(pieces: readonly Piece[], { from, to }: Pick<Request, "from" | "to">) {
  const [first, last] = [pieces[from], pieces[to - 1]];
  if (!first || !last) throw new RangeError(`No pieces from ${from} to ${to}`);
  return { address: first.address, quantity: last.address + last.quantity - first.address };
}

/** A request in two, the first one last. */
export function halves(pieces: readonly Piece[], request: Request, cut: number): Request[] {
  const { from, to } = request;
  return [{ from: cut, to }, { from, to: cut }]
    .map((half) => ({ ...request, ...half, ...spanOf(pieces, half) }));
}

/**
 * Where to cut a request whose answer cannot be told from the one before: as late as can be without
 * parting a value from its factor, into halves that can be told apart.
 */
export function lateCutOf(plan: ReadPlan, request: Request): number {
  const { from, to } = request;
  for (let cut = to - 1; cut > from; cut--) {
    const [late, early] = halves(plan.pieces, request, cut);
    if (late?.quantity !== early?.quantity && !partsAny(plan, request, cut)) return cut;
  }
  return to - 1;
}

/** Whether a cut of a request parts any value from its factor. */
function partsAny({ pieces, index }: ReadPlan, { from, to }: Request, cut: number): boolean {
  return pieces.slice(from, to).some(({ want, leaf }, i) => {
    if (typeof leaf?.scale !== "object") return false;
    const factor = index[want]?.[leaf.scale.offset] ?? -1;
    return factor >= from && factor < to && factor < cut !== from + i < cut;
  });
}

/** Where to cut a request: between two models if it holds several, else in the middle. */
export function cutOf(pieces: readonly Piece[], { from, to }: Request): number {
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
