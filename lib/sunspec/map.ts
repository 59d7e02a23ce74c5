import { type DeviceIdentity, ProtocolError, type SourceRef, type Transport } from "../core/mod.ts";
import { wireValue } from "./decode.ts";
import type { ModelDefinition } from "./definition.ts";
import type { Definitions } from "./definitions.ts";
import { identityOf, isAnother, isNameless } from "./identity.ts";
import { compileLayout, hasCountPoints, type Layout, type Leaf } from "./layout.ts";
import type { ModelRead } from "./model_read.ts";
import type { ModelWant } from "./read_plan.ts";
import type { ModelReader } from "./reader.ts";
import { type Chain, COMMON_MODEL, hasEnd, type ModelPlace } from "./walk.ts";

/** A device whose counts still move then is caught by the check of each read. */
const COUNT_ROUNDS = 64;

/** A model of the device's chain. */
export interface Block {
  /** Where it stands. */
  readonly place: ModelPlace;
  /** Counts the models of the same id from 1. */
  readonly instance: number;
  /** Counts the common models after the first from 0: the child device this model belongs to. */
  readonly child: number | undefined;
  /** undefined = nobody has published one. */
  readonly definition: ModelDefinition | undefined;
  /** Where its points lie. */
  readonly layout: Layout | undefined;
  /** What readings of it say they are of. */
  readonly source: SourceRef;
}

/**
 * Finds the definition of each model and where its points lie. Behind a model whose length
 * contradicts its definition a chain is believed only if it comes to an end: one false length makes
 * data look like models, with values that are wrong and plausible.
 */
export async function layOut(
  chain: Chain,
  definitions: Definitions,
  reader: ModelReader,
  signal: AbortSignal,
): Promise<readonly Block[]> {
  const blocks: Block[] = [];
  const instances = new Map<number, number>();
  let commons = 0;
  for (const place of chain.models) {
    if (!hasEnd(chain) && blocks.at(-1)?.layout?.warnings.length) break;
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

/** What is to be said of the models that were not believed; undefined = all were. */
export function disbelief(chain: Chain, blocks: readonly Block[]): string | undefined {
  const left = chain.models.length - blocks.length;
  const last = blocks.at(-1)?.place;
  if (left === 0 || !last) return undefined;
  return `${left} models behind model ${last.id} are left out: its length ${last.length} contradicts ` +
    `its definition, and the chain behind it comes to no end (${chain.end})`;
}

function sourceRef(
  { id, address, length }: ModelPlace,
  instance: number,
  definition: ModelDefinition | undefined,
): SourceRef {
  return {
    driver: "sunspec",
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

/**
 * Reads who answers: the device, then its children. Whoever was there before still is, if it refuses
 * to say and nothing says otherwise.
 *
 * @param before who answered last: the device, then its children
 * @throws {ModbusException} the device refuses to say
 */
export async function identify(
  blocks: readonly Block[],
  reader: ModelReader,
  transport: Transport,
  before: readonly DeviceIdentity[],
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
  const stillKnown = (now: DeviceIdentity, known: DeviceIdentity | undefined) => {
    const isUnsaid = isNameless(now) && reader.unreadable.length > 0;
    return known && isUnsaid && !isAnother(known, now) ? known : now;
  };
  const place = { endpoint, unitId, parent: null, child: undefined };
  const device = stillKnown(identityOf(common(0), place), before[0]);
  const taken = new Set([device.id]);
  const children = commons.slice(1).map((_, child) => {
    const place = { endpoint, unitId, parent: device.id, child };
    const own = stillKnown(identityOf(common(child + 1), place), before[child + 1]);
    // Some repeat what the device before them says.
    const id = taken.has(own.id) ? `${own.id}@${endpoint}/${unitId}.${child + 1}` : own.id;
    taken.add(id);
    return { ...own, id, parent: device.id };
  });
  return [device, ...children];
}

function everything({ place, layout }: Block): ModelWant {
  return { place, layout, isWanted: () => true };
}

/**
 * Says whether a model still has as many groups as it was laid out for: groups that come or go
 * move every point behind them.
 *
 * @throws {ProtocolError} when it has not
 */
export function checkCounts(
  { place, layout }: Block,
  read: ModelRead | undefined,
  endpoint: string,
): void {
  if (read?.failure) return;
  layout?.counts.forEach((count, leaf) => {
    const now = countOf(leaf, read) ?? 0;
    if (now === count) return;
    throw new ProtocolError(
      `Cannot trust model ${place.id} of "${endpoint}": ${leaf.name} was ${count}, now it is ${now}; ` +
        "the device is walked again",
    );
  });
}
