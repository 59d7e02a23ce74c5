import { publishedModels } from "../../models/sunspec/mod.ts";
import {
  type Device,
  type DeviceIdentity,
  type DeviceOptions,
  type Driver,
  NotFoundError,
  ProtocolError,
  type Reading,
  type Snapshot,
  type SnapshotOptions,
  type SourceRef,
  type Transport,
} from "../core/mod.ts";
import {
  type Chain,
  compileLayout,
  decodePoints,
  type Definitions,
  EVERYTHING,
  hasCountPoints,
  HEADER_LENGTH,
  identityOf,
  isData,
  type Layout,
  type Leaf,
  loadDefinitions,
  type ModelDefinition,
  type ModelPlace,
  type ModelRead,
  ModelReader,
  type ModelWant,
  parseSelection,
  type Selection,
  snapshotOf,
  walk,
  wireValue,
} from "../sunspec/mod.ts";

const COMMON_MODEL = 1;
/** A false length can make thousands of points unreadable: warnings name the first. */
const SHOWN_ADDRESSES = 8;

/** A device whose counts still move then is caught by the check of each read. */
const COUNT_ROUNDS = 64;

/** Nameplates and settings that hardly ever change, although their points are not all marked static. */
const STATIC_MODELS: ReadonlySet<number> = new Set([1, 2, 120, 121, 702]);

/** Devices that serve SunSpec models over Modbus. */
export const sunspec: Driver = {
  name: "sunspec",
  summary: "SunSpec models over Modbus: inverters, meters, batteries, trackers, weather stations",
  open: openDevice,
};

const definitionsByFolder = new Map<string | undefined, Promise<Definitions>>();

/**
 * The definitions in use: the user's own in `folder` first, then the published ones.
 *
 * @throws {ConfigError} when the folder or a definition in it cannot be used
 */
export function sunspecDefinitions(folder: string | undefined): Promise<Definitions> {
  let definitions = definitionsByFolder.get(folder);
  if (!definitions) {
    definitions = loadDefinitions(publishedModels, folder);
    definitionsByFolder.set(folder, definitions);
  }
  return definitions;
}

async function openDevice(
  transport: Transport,
  options: DeviceOptions,
  signal: AbortSignal,
): Promise<Device | undefined> {
  const definitions = await sunspecDefinitions(options.modelsDir);
  const chain = await walk(transport, options, signal);
  if (!chain) return undefined;
  const reader = new ModelReader(transport, chain.functionCode, options.maxRegisters);
  const blocks = await layOut(chain, definitions, reader, signal);
  const identities = await identify(blocks, reader, transport, signal);
  return new SunSpecDevice(chain, blocks, identities, reader, options);
}

/** A model of the device's chain. */
interface Block {
  readonly place: ModelPlace;
  readonly instance: number;
  /** Counts the common models after the first from 0: the child device this model belongs to. */
  readonly child: number | undefined;
  readonly definition: ModelDefinition | undefined;
  readonly layout: Layout | undefined;
  readonly source: SourceRef;
}

async function layOut(
  chain: Chain,
  definitions: Definitions,
  reader: ModelReader,
  signal: AbortSignal,
): Promise<readonly Block[]> {
  const blocks: Block[] = [];
  const instances = new Map<number, number>();
  let commons = 0;
  for (const place of chain.models) {
    const instance = (instances.get(place.id) ?? 0) + 1;
    instances.set(place.id, instance);
    if (place.id === COMMON_MODEL) commons++;
    const definition = await definitions.get(place.id);
    const layout = definition && await layoutOf(definition, place, reader, signal);
    const source = sourceRef(place, instance, definition);
    const child = commons > 1 ? commons - 2 : undefined;
    blocks.push({ place, instance, child, definition, layout, source });
  }
  return blocks;
}

function sourceRef(
  { id, address, length }: ModelPlace,
  instance: number,
  definition: ModelDefinition | undefined,
): SourceRef {
  return {
    driver: sunspec.name,
    name: `sunspec/${id}`,
    modelId: id,
    modelName: definition?.name ?? null,
    instance,
    address,
    length,
  };
}

/**
 * Lays a model out; where points count its groups, they are read first. A count within a counted
 * group is where it is only once those before it are known: it is read until nothing moves.
 */
async function layoutOf(
  definition: ModelDefinition,
  place: ModelPlace,
  reader: ModelReader,
  signal: AbortSignal,
): Promise<Layout> {
  let layout = compileLayout(definition, place.length, () => undefined);
  if (!hasCountPoints(definition.group)) return layout;
  for (let round = 0, before = ""; round < COUNT_ROUNDS && before !== countsOf(layout); round++) {
    before = countsOf(layout);
    const [read] = await reader.read([{ place, layout, isWanted: () => false }], signal);
    if (read?.failure) throw read.failure;
    layout = compileLayout(definition, place.length, (leaf) => countOf(leaf, read));
  }
  return layout;
}

function countsOf({ counts }: Layout): string {
  return [...counts].map(([{ offset }, count]) => `${offset}:${count}`).join(" ");
}

function countOf(leaf: Leaf, read: ModelRead | undefined): number | undefined {
  const value = read && wireValue(leaf, read.image);
  return typeof value === "number" ? value : undefined;
}

/** The device, then its children. */
async function identify(
  blocks: readonly Block[],
  reader: ModelReader,
  transport: Transport,
  signal: AbortSignal,
): Promise<readonly [DeviceIdentity, ...DeviceIdentity[]]> {
  const { endpoint, unitId } = transport;
  const commons = blocks.filter(({ place }) => place.id === COMMON_MODEL);
  const reads = await reader.read(commons.map(everything), signal);
  // Half an identity would be another device.
  for (const { failure } of reads) if (failure) throw failure;
  const common = (i: number) => {
    const layout = commons[i]?.layout;
    const image = reads[i]?.image;
    return layout && image ? { layout, image } : undefined;
  };
  const device = identityOf(common(0), { endpoint, unitId, parent: null, child: undefined });
  const children = commons.slice(1).map((_, child) =>
    identityOf(common(child + 1), { endpoint, unitId, parent: device.id, child })
  );
  return [device, ...children];
}

function everything({ place, layout }: Block): ModelWant {
  return { place, layout, isWanted: () => true };
}

function isStatic({ place, layout }: Block): boolean {
  if (STATIC_MODELS.has(place.id)) return true;
  return layout !== undefined &&
    layout.leaves.filter(isData).every((leaf) => leaf.definition.isStatic);
}

class SunSpecDevice implements Device {
  readonly identity: DeviceIdentity;
  readonly children: readonly DeviceIdentity[];
  readonly sources: readonly SourceRef[];
  readonly warnings: readonly string[];
  readonly #chain: Chain;
  readonly #blocks: readonly Block[];
  readonly #reader: ModelReader;
  readonly #registers: boolean;
  /** What is polled every time, and what is polled with the statics. */
  readonly #dynamic: Selected;
  readonly #polled: Selected;
  #lastSnapshot: { readonly key: string; readonly selected: Selected } | undefined;

  constructor(
    chain: Chain,
    blocks: readonly Block[],
    [identity, ...children]: readonly [DeviceIdentity, ...DeviceIdentity[]],
    reader: ModelReader,
    options: DeviceOptions,
  ) {
    this.identity = identity;
    this.children = children;
    this.#chain = chain;
    this.#blocks = blocks;
    this.#reader = reader;
    this.#registers = options.registers;
    const isPolled = ({ place, layout }: Block) =>
      (options.models?.includes(place.id) ?? true) && (layout !== undefined || options.registers);
    const polled = blocks.filter(isPolled);
    this.#polled = select(polled, EVERYTHING);
    this.#dynamic = select(polled.filter((block) => !isStatic(block)), EVERYTHING);
    this.sources = blocks.map(({ source }) => source);
    this.warnings = blocks.flatMap(({ place, layout }) =>
      (layout?.warnings ?? []).map((warning) => `model ${place.id}: ${warning}`)
    );
  }

  async *read({ statics }: { readonly statics: boolean }, signal: AbortSignal) {
    const { blocks, wants } = statics ? this.#polled : this.#dynamic;
    const reads = await this.#read(blocks, wants, signal);
    for (const [i, block] of blocks.entries()) {
      const read = reads[i];
      if (read && read.readAt > 0) yield this.#reading(block, read);
    }
  }

  #reading({ child, layout, source }: Block, { image, readAt, isSplit }: ModelRead): Reading {
    const device = child === undefined ? this.identity : this.children[child] ?? this.identity;
    return {
      kind: "reading",
      device,
      source,
      collectedAt: readAt * 1000,
      clockSynced: null,
      points: layout ? decodePoints(layout, image, isSplit) : [],
      registers: this.#registers ? new Uint8Array(image.buffer) : null,
      gap: null,
    };
  }

  async snapshot(options: SnapshotOptions, signal: AbortSignal): Promise<Snapshot> {
    const { blocks, wants, selection } = this.#select(options.select);
    const reads = options.valueless ? [] : await this.#read(blocks, wants, signal);
    const models = blocks.map((block, i) => ({
      place: block.place,
      instance: block.instance,
      child: block.child,
      layout: block.layout,
      warnings: [
        ...block.layout?.warnings ?? [],
        ...this.#unreadable(block),
        ...failureWarning(reads[i]),
      ],
      read: reads[i],
      isPointWanted: (leaf: Leaf) => selection.isPointWanted(selectable(block), leaf),
    }));
    const snapshot = snapshotOf({
      identity: this.identity,
      children: this.children,
      chain: this.#chain,
      models,
      readAt: Math.max(...reads.map(({ readAt }) => readAt), 0) || Date.now(),
      raw: options.raw,
    });
    if (options.select.length > 0 && !options.valueless && snapshot.rows.length === 0) {
      const wanted = options.select.join(", ");
      throw new NotFoundError(`Cannot read "${wanted}": the device has no such group or point`);
    }
    return snapshot;
  }

  /** The plan of a selection is kept for the next time. */
  #select(terms: readonly string[]): Selected {
    const key = JSON.stringify(terms);
    if (this.#lastSnapshot?.key === key) return this.#lastSnapshot.selected;
    const selected = select(this.#blocks, parseSelection(terms, this.#blocks.map(selectable)));
    this.#lastSnapshot = { key, selected };
    return selected;
  }

  async #read(
    blocks: readonly Block[],
    wants: readonly ModelWant[],
    signal: AbortSignal,
  ): Promise<readonly ModelRead[]> {
    const reads = await this.#reader.read(wants, signal);
    for (const [i, block] of blocks.entries()) checkCounts(block, reads[i], this.identity.endpoint);
    return reads;
  }

  #unreadable({ place }: Block): readonly string[] {
    const end = place.address + place.length + HEADER_LENGTH;
    const inside = this.#reader.unreadable
      .filter((address) => address >= place.address && address < end);
    if (inside.length === 0) return [];
    const shown = inside.slice(0, SHOWN_ADDRESSES).join(", ");
    const more = inside.length - SHOWN_ADDRESSES;
    return [
      `the device refuses to serve the points at ${shown}${more > 0 ? ` and ${more} more` : ""}`,
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface Selected {
  readonly blocks: readonly Block[];
  readonly wants: readonly ModelWant[];
  readonly selection: Selection;
}

function select(all: readonly Block[], selection: Selection): Selected {
  const blocks = all.filter((block) => selection.isModelWanted(selectable(block)));
  const wants = blocks.map((block) => ({
    place: block.place,
    layout: block.layout,
    isWanted: (leaf: Leaf) => selection.isPointWanted(selectable(block), leaf),
  }));
  return { blocks, wants, selection };
}

function selectable({ place, definition }: Block) {
  return { id: place.id, definition };
}

function failureWarning(read: ModelRead | undefined): string[] {
  return read?.failure ? [`some of it could not be read: ${read.failure.message}`] : [];
}

/** Groups that come or go move every point behind them. */
function checkCounts(
  { place, layout }: Block,
  read: ModelRead | undefined,
  endpoint: string,
): void {
  if (read?.failure) return;
  for (const [leaf, count] of layout?.counts ?? []) {
    const now = countOf(leaf, read) ?? 0;
    if (now === count) continue;
    throw new ProtocolError(
      `Cannot trust model ${place.id} of "${endpoint}": ${leaf.name} was ${count}, now it is ${now}; ` +
        "the device is walked again",
    );
  }
}
