import type { DeviceIdentity, Json, Snapshot, SnapshotRow } from "../core/mod.ts";
import {
  decodeGroup,
  decodeValue,
  displayText,
  rawJson,
  scaleWarnings,
  type VerdictOf,
} from "./decode.ts";
import { HEADER_LENGTH, type Layout, type Leaf } from "./layout.ts";
import { explain as explanationOf } from "./explain.ts";
import type { ModelRead } from "./model_read.ts";
import type { Chain, ModelPlace } from "./walk.ts";

/** A model of a device, for its document. */
export interface DocumentModel {
  /** Where it stands. */
  readonly place: ModelPlace;
  /** Counts the models of the same id from 1. */
  readonly instance: number;
  /** Index of the child device it belongs to. */
  readonly child: number | undefined;
  /** undefined = nobody has published a definition. */
  readonly layout: Layout | undefined;
  /** What disagrees with the definition. */
  readonly warnings: readonly string[];
  /** undefined = identity and models only. */
  readonly read: ModelRead | undefined;
  /** Which points are not plainly good. */
  readonly verdictOf: VerdictOf;
  /** Whether a point is to be shown. */
  isPointWanted(leaf: Leaf): boolean;
}

/** Who it is, where its map is, and what was read of it. */
export interface DocumentParts {
  /** Who was read. */
  readonly identity: DeviceIdentity;
  /** Devices behind it. */
  readonly children: readonly DeviceIdentity[];
  /** How its map was found to be. */
  readonly chain: Chain;
  /** Those to be shown. */
  readonly models: readonly DocumentModel[];
  /** Unix milliseconds. */
  readonly readAt: number;
  /** Integers as on the wire, unscaled. */
  readonly raw: boolean;
  /** Tell how each value came about. */
  readonly explain: boolean;
}

/** Builds what `read` and `discover` print. */
export function snapshotOf(parts: DocumentParts): Snapshot {
  const { identity, children, chain, models, readAt } = parts;
  const document = {
    device: {
      ...who(identity),
      endpoint: identity.endpoint,
      unit_id: identity.unitId,
    },
    base_address: chain.baseAddress,
    read_at: new Date(readAt).toISOString(),
    chain_end: chain.end,
    ...(children.length > 0 ? { children: children.map(who) } : {}),
    models: models.map((model) => modelJson(model, parts)),
  };
  return { document, rows: models.flatMap((model) => modelRows(model, parts)) };
}

function who(identity: DeviceIdentity) {
  return {
    id: identity.id,
    manufacturer: identity.manufacturer,
    model: identity.model,
    options: identity.options,
    version: identity.version,
    serial_number: identity.serialNumber,
  };
}

/** How values are shown. */
type Manner = Pick<DocumentParts, "raw" | "explain">;

function modelJson(
  model: DocumentModel,
  { raw, explain }: Manner,
): { readonly [key: string]: Json } {
  const { place, instance, child, layout, read } = model;
  const warnings = [
    ...model.warnings,
    ...(layout && read ? scaleWarnings(layout, read.image) : []),
  ];
  const head = {
    id: place.id,
    name: layout?.model.name ?? null,
    instance,
    address: place.address,
    length: place.length,
    ...(child === undefined ? {} : { child }),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
  if (!read) return head;
  if (!layout) return { ...head, registers: registers(read) };
  const { isPointWanted, verdictOf } = model;
  const points = decodeGroup(layout.root, read.image, raw, isPointWanted, verdictOf);
  const quality = qualities(model, layout);
  return {
    ...head,
    points,
    ...(Object.keys(quality).length > 0 ? { quality } : {}),
    ...(explain ? { explained: explanations(model, layout, read, raw) } : {}),
  };
}

/** The words of a model without definition; null = not read. */
function registers(read: ModelRead): (number | null)[] {
  const { image } = read;
  const words: (number | null)[] = [];
  for (let offset = HEADER_LENGTH; offset < image.byteLength / 2; offset++) {
    words.push(read.isRead({ offset }) ? image.getUint16(offset * 2) : null);
  }
  return words;
}

function qualities(
  { isPointWanted, verdictOf }: DocumentModel,
  { leaves }: Layout,
): { [name: string]: string } {
  return Object.fromEntries(
    leaves.filter(isPointWanted).flatMap((leaf) => {
      const verdict = verdictOf(leaf);
      return verdict ? [[leaf.name, verdict.quality]] : [];
    }),
  );
}

function modelRows(model: DocumentModel, { raw, explain }: Manner): SnapshotRow[] {
  const { place, instance, layout, read } = model;
  if (!read || !layout) {
    const value = read ? registers(read).map(hex).join(" ") : "";
    return [{ source: label(place.id, instance), point: "", value, unit: "" }];
  }
  return shownLeaves(model, layout).map((leaf) => {
    const verdict = model.verdictOf(leaf);
    return {
      source: label(place.id, instance),
      point: leaf.name,
      value: displayText(leaf, read.image, raw, verdict?.instead),
      unit: leaf.definition.units ?? "",
      ...(verdict ? { quality: verdict.quality } : {}),
      ...(explain ? { explanation: explanationOf(leaf, place, read) } : {}),
    };
  });
}

function shownLeaves({ isPointWanted }: DocumentModel, { leaves }: Layout): readonly Leaf[] {
  return leaves.filter((leaf) => leaf.definition.type.kind !== "pad" && isPointWanted(leaf));
}

/** Each point with what its value was made of. */
function explanations(
  model: DocumentModel,
  layout: Layout,
  read: ModelRead,
  raw: boolean,
): readonly Json[] {
  return shownLeaves(model, layout).map((leaf) => ({
    point: leaf.name,
    ...explanationOf(leaf, model.place, read),
    unit: leaf.definition.units ?? null,
    value: raw
      ? rawJson(leaf, read.image)
      : (model.verdictOf(leaf)?.instead ?? decodeValue(leaf, read.image)).shown,
  }));
}

function label(id: number, instance: number): string {
  return instance === 1 ? String(id) : `${id}#${instance}`;
}

function hex(word: number | null): string {
  return word === null ? "----" : word.toString(16).padStart(4, "0");
}
