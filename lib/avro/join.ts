import type { Batch, Entry } from "../core/mod.ts";
import { concat, encodeLong, withLength } from "./binary.ts";
import { Writer } from "./writer.ts";
import { type Codec, encodeBlock, encodeHeader, newSync } from "./container.ts";

/** Consecutive entries as one container file. */
export interface Container {
  /** The first position in it. */
  readonly first: number;
  /** The last position in it. */
  readonly last: number;
  /** Readings in it. */
  readonly count: number;
  /** Fingerprint of the schema. */
  readonly schema: string;
  /** The whole file. */
  readonly bytes: Uint8Array;
}

/** Entries that can share a container: consecutive, of one schema. */
export interface EntryGroup {
  /** Fingerprint of the schema. */
  readonly schema: string;
  /** The schema itself. */
  readonly schemaText: string;
  /** In the order of their positions. */
  readonly entries: readonly Entry[];
}

/** Splits a batch where the schema changes and where a container is full. */
export function groupEntries({ entries, schemas }: Batch, limit: number): EntryGroup[] {
  const groups: { schema: string; schemaText: string; entries: Entry[] }[] = [];
  for (const entry of entries) {
    const { schema } = entry;
    const open = groups.at(-1);
    if (open && open.schema === schema && open.entries.length < limit) open.entries.push(entry);
    else groups.push({ schema, schemaText: schemas.get(schema) ?? "", entries: [entry] });
  }
  return groups;
}

/**
 * The records of entries, one behind the other: the first three fields (collector, epoch, position)
 * and the stored body. Avro records are plain concatenation, so nothing is decoded.
 */
export function joinRecords(
  batch: Pick<Batch, "collector" | "epoch">,
  entries: readonly Entry[],
): Uint8Array {
  return lendRecords(batch, entries).slice();
}

/** Those of all containers: each is copied into its own. */
const writer = new Writer();

function lendRecords(
  { collector, epoch }: Pick<Batch, "collector" | "epoch">,
  entries: readonly Entry[],
): Uint8Array {
  const head = concat([withLength(new TextEncoder().encode(collector)), encodeLong(epoch)]);
  writer.begin();
  for (const { position, payload } of entries) {
    writer.raw(head);
    writer.long(position);
    writer.raw(payload);
  }
  return writer.lent();
}

/** Joins a batch into container files of at most `limit` entries each. */
export function joinContainers(batch: Batch, limit: number, codec: Codec): Container[] {
  return groupEntries(batch, limit).map(({ schema, schemaText, entries }) => {
    const sync = newSync();
    const header = encodeHeader(schemaText, codec, sync);
    return {
      first: entries[0]?.position ?? 0,
      last: entries.at(-1)?.position ?? 0,
      count: entries.length,
      schema,
      bytes: encodeBlock(entries.length, lendRecords(batch, entries), codec, sync, header),
    };
  });
}
