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
  type Block,
  type Chain,
  checkCounts,
  decodePoints,
  type Definitions,
  type DeviceMap,
  disbelief,
  EVERYTHING,
  HEADER_LENGTH,
  isData,
  isOpenEnd,
  isUnmoved,
  type Judgement,
  KnownIdentity,
  layOut,
  type Leaf,
  loadDefinitions,
  Memory,
  type ModelRead,
  ModelReader,
  type ModelWant,
  type News,
  parseSelection,
  restOf,
  type Selection,
  snapshotOf,
  type TrustedModel,
  type TrustEvent,
  walkSurely,
} from "../sunspec/mod.ts";

/** A false length can make thousands of points unreadable: warnings name the first. */
const SHOWN_ADDRESSES = 8;

/** Nameplates and settings that hardly ever change, although their points are not all marked static. */
const STATIC_MODELS: ReadonlySet<number> = new Set([1, 2, 120, 121, 702]);

/** Devices that serve SunSpec models over Modbus. */
export const sunspec: Driver = {
  name: "sunspec",
  summary: "SunSpec models over Modbus: inverters, meters, batteries, trackers, weather stations",
  open: openDevice,
};

/** Of a device that has lost all its models. */
const NO_MODEL: SourceRef = {
  driver: "sunspec",
  name: "sunspec",
  modelId: null,
  modelName: null,
  instance: null,
  address: null,
  length: null,
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
    // What is wrong with it may be mended.
    definitions.catch(() => definitionsByFolder.delete(folder));
  }
  return definitions;
}

const memories = new WeakMap<object, Memory>();

function memoryOf(place: object = {}): Memory {
  const memory = memories.get(place) ?? new Memory();
  memories.set(place, memory);
  return memory;
}

async function openDevice(
  transport: Transport,
  options: DeviceOptions,
  signal: AbortSignal,
): Promise<Device | undefined> {
  const definitions = await sunspecDefinitions(options.modelsDir);
  const memory = memoryOf(options.memory);
  const connection = transport.connections?.();
  const known = memory.map;
  const isKnown = known !== undefined && await isUnmoved(transport, known.chain, signal);
  const chain = isKnown ? known.chain : await walkSurely(transport, options, signal);
  if (!chain) return undefined;
  memory.takeChain(chain);
  const reader = readerOf(transport, chain, options, memory);
  const blocks = isKnown ? known.blocks : await layOut(chain, definitions, reader, signal);
  memory.takeMap({ chain, blocks });
  const { identities } = memory;
  const who = await KnownIdentity.learn(transport, connection, blocks, reader, identities, signal);
  memory.takeIdentities(who.identities);
  return new SunSpecDevice(memory, { chain, blocks }, who, reader, options);
}

function readerOf(
  transport: Transport,
  { functionCode }: Chain,
  { maxRegisters }: DeviceOptions,
  { learned }: Memory,
): ModelReader {
  return new ModelReader(transport, functionCode, maxRegisters, learned);
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
  #isResting = false;
  readonly #who: KnownIdentity;
  readonly #memory: Memory;
  readonly #chain: Chain;
  readonly #blocks: readonly Block[];
  readonly #reader: ModelReader;
  readonly #registers: boolean;
  /** What is polled every time, and what is polled with the statics. */
  readonly #dynamic: Selected;
  readonly #polled: readonly Block[];
  #lastSnapshot: { readonly key: string; readonly selected: Selected } | undefined;

  constructor(
    memory: Memory,
    { chain, blocks }: DeviceMap,
    who: KnownIdentity,
    reader: ModelReader,
    options: DeviceOptions,
  ) {
    [this.identity, ...this.children] = who.identities;
    this.#who = who;
    this.#memory = memory;
    this.#chain = chain;
    this.#blocks = blocks;
    this.#reader = reader;
    this.#registers = options.registers;
    const isPolled = ({ place, layout }: Block) =>
      (options.models?.includes(place.id) ?? true) && (layout !== undefined || options.registers);
    this.#polled = blocks.filter(isPolled);
    this.#dynamic = this.#everythingOf(this.#polled.filter((block) => !isStatic(block)));
    this.sources = blocks.map(({ source }) => source);
    const unbelieved = disbelief(chain, blocks);
    this.warnings = [
      ...(unbelieved === undefined ? [] : [unbelieved]),
      ...blocks.flatMap(({ place, layout }) =>
        (layout?.warnings ?? []).map((warning) => `model ${place.id}: ${warning}`)
      ),
      ...(isOpenEnd(chain.end)
        ? [`the chain of models ended with ${chain.end}: there may be more`]
        : []),
    ];
  }

  get maxRegisters(): number | undefined {
    return this.#memory.learned.maxRegisters;
  }

  get isResting(): boolean {
    return this.#isResting;
  }

  read(
    { statics }: { readonly statics: boolean },
    signal: AbortSignal,
  ): Promise<readonly Reading[]> {
    // The plan of what is read once an hour is not worth its memory.
    const selected = statics ? this.#everythingOf(this.#polled) : this.#dynamic;
    return this.#read(selected, signal, (reads) => this.#readings(selected, reads));
  }

  #everythingOf(blocks: readonly Block[]): Selected {
    return select(blocks, EVERYTHING, this.#registers);
  }

  #readings(selected: Selected, reads: readonly ModelRead[]): readonly Reading[] {
    const { blocks } = selected;
    const judgements = this.#judge(selected, reads);
    const isAllRead = reads.every(({ failure }) => failure === undefined);
    if (!isAllRead || this.#memory.mayBeUnread) {
      this.#memory.takeUnread(this.#unread(blocks, reads));
    }
    this.#isResting = isAtRest(blocks, reads);
    const readings: Reading[] = this.#memory.takeNews().map((news) => this.#news(news));
    blocks.forEach((block, i) => {
      const read = reads[i];
      const judgement = judgements[i];
      if (!read || read.readAt === 0) return;
      readings.push(this.#reading(block, read, judgement));
      for (const event of judgement?.events ?? []) {
        readings.push(this.#counterEvent(block, read, event));
      }
    });
    return readings;
  }

  #reading(block: Block, { image, readAt }: ModelRead, judgement?: Judgement): Reading {
    const { layout, source } = block;
    return {
      kind: "reading",
      device: this.#deviceOf(block),
      source,
      collectedAt: readAt * 1000,
      clockSynced: null,
      points: layout ? decodePoints(layout, image, judgement?.verdictOf) : [],
      registers: this.#registers ? bytesOf(image) : null,
      gap: null,
    };
  }

  #deviceOf({ child }: Block): DeviceIdentity {
    return child === undefined ? this.identity : this.children[child] ?? this.identity;
  }

  #news({ event, message }: News): Reading {
    const source = this.sources[0] ?? NO_MODEL;
    return eventOf(this.identity, source, Date.now(), [["event", event], ["message", message]]);
  }

  #counterEvent(block: Block, { readAt }: ModelRead, { event, leaf, before, now }: TrustEvent) {
    const [from, to] = [before, now].map(({ shown }) => String(shown ?? 0));
    const message = `${leaf.name} of model ${block.place.id} went from ${from} to ${to}`;
    return eventOf(this.#deviceOf(block), block.source, readAt, [
      ["event", event],
      ["message", message],
      ["point", leaf.name],
      ["before", from ?? ""],
      ["after", to ?? ""],
    ]);
  }

  /** Nameplates first: they say what the others can be. */
  #judge(
    { trusted }: Selected,
    reads: readonly ModelRead[],
  ): readonly (Judgement | undefined)[] {
    const { trust } = this.#memory;
    trusted.forEach((model, i) => {
      const read = reads[i];
      if (model && read) trust.learn(model, read);
    });
    const at = performance.now();
    return trusted.map((model, i) => {
      const read = reads[i];
      return model && read && trust.judge(model, read, at);
    });
  }

  async snapshot(options: SnapshotOptions, signal: AbortSignal): Promise<Snapshot> {
    const selected = this.#select(options.select);
    const { blocks, selection } = selected;
    const reads = options.valueless ? [] : await this.#read(selected, signal, (reads) => reads);
    const judgements = options.raw ? [] : this.#judge(selected, reads);
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
      verdictOf: judgements[i]?.verdictOf ?? (() => undefined),
      isPointWanted: (leaf: Leaf) => selection.isPointWanted(selectable(block), leaf),
    }));
    const snapshot = snapshotOf({
      identity: this.identity,
      children: this.children,
      chain: this.#chain,
      models,
      readAt: Math.max(...reads.map(({ readAt }) => readAt), 0) || Date.now(),
      raw: options.raw,
      explain: options.explain ?? false,
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

  /** @param made what becomes of what was read */
  async #read<T>(
    { blocks, wants }: Selected,
    signal: AbortSignal,
    made: (reads: readonly ModelRead[]) => T,
  ): Promise<T> {
    try {
      const reads = await this.#reader.read(wants, signal);
      blocks.forEach((block, i) => checkCounts(block, reads[i], this.identity.endpoint));
      if (!this.#who.isCertain) await this.#who.check(signal);
      return made(reads);
    } catch (error) {
      // What stood somewhere does so no longer, whatever is at the ends of the chain.
      if (error instanceof ProtocolError) this.#memory.doubtMap();
      throw error;
    }
  }

  /** What the device did not give this time, or never gives, by model; undefined = nothing. */
  #unread(
    blocks: readonly Block[],
    reads: readonly ModelRead[],
  ): ReadonlyMap<string, string | undefined> {
    return new Map(blocks.map((block, i) => {
      const why = [...this.#unreadable(block), ...failureWarning(reads[i])].join("; ");
      return [`model ${block.place.id} #${block.instance}`, why === "" ? undefined : why];
    }));
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
  /** The same for their judge; undefined = without a definition. */
  readonly trusted: readonly (TrustedModel | undefined)[];
  readonly selection: Selection;
}

/** @param isBare registers without a point are read as well */
function select(all: readonly Block[], selection: Selection, isBare = false): Selected {
  const blocks = all.filter((block) => selection.isModelWanted(selectable(block)));
  const wants = blocks.map((block) => ({
    place: block.place,
    layout: block.layout,
    isBare,
    isWanted: (leaf: Leaf) => selection.isPointWanted(selectable(block), leaf),
  }));
  return { blocks, wants, trusted: blocks.map(trustedModel), selection };
}

function trustedModel({ source, child, layout }: Block): TrustedModel | undefined {
  return layout && { key: `${source.name}#${source.instance}`, child, layout };
}

/** Something that happened to a device, as its outputs are told. */
function eventOf(
  device: DeviceIdentity,
  source: SourceRef,
  atMs: number,
  texts: readonly (readonly [name: string, text: string])[],
): Reading {
  return {
    kind: "event",
    device,
    source,
    collectedAt: atMs * 1000,
    clockSynced: null,
    points: texts.map(([name, text]) => ({ name, value: null, text, unit: null, quality: null })),
    registers: null,
    gap: null,
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength).slice();
}

function selectable({ place, definition }: Block) {
  return { id: place.id, definition };
}

/** Whether every inverter there says that it rests. */
function isAtRest(blocks: readonly Block[], reads: readonly ModelRead[]): boolean {
  const rests = blocks.map(({ layout }, i) => {
    const read = reads[i];
    return layout && read && restOf(layout, read.image);
  });
  return rests.includes(true) && !rests.includes(false);
}

function failureWarning(read: ModelRead | undefined): string[] {
  return read?.failure ? [`some of it could not be read: ${read.failure.message}`] : [];
}
