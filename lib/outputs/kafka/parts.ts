import { joinContainers } from "../../avro/join.ts";
import type { Codec } from "../../avro/container.ts";
import type { Batch, Entry } from "../../core/mod.ts";
import { type PackedRecords, packRecords } from "./record_batch.ts";

/** What becomes of entries on their way. */
export interface PartOptions {
  /** Readings in one container. */
  readonly batchSize: number;
  /** How containers are compressed … */
  readonly codec: Codec;
  /** … and record batches: a code of their format. */
  readonly compression: number;
}

/** The collector's length, epoch and position before each reading, generously. */
const PREFIX_BYTES = 24;
/** A container's metadata beside the schema, its record's headers, generously. */
const CONTAINER_BYTES = 512;

/** Splits the entries of a batch so that each part stays within a limit before it is compressed. */
export function splitEntries(
  { collector, entries, schemas }: Batch,
  batchSize: number,
  limit: number,
): Entry[][] {
  const prefixLength = new TextEncoder().encode(collector).length + PREFIX_BYTES;
  const parts: Entry[][] = [];
  let size = 0;
  for (const entry of entries) {
    const headerLength = (schemas.get(entry.schema)?.length ?? 0) + CONTAINER_BYTES;
    const own = entry.payload.length + prefixLength + headerLength / batchSize;
    const part = parts.at(-1);
    if (part && size + own <= limit) {
      part.push(entry);
      size += own;
    } else {
      parts.push([entry]);
      size = own;
    }
  }
  return parts;
}

/** Packs entries of a batch: each record is a container of them. */
export function packEntries(
  batch: Batch,
  entries: readonly Entry[],
  { batchSize, codec, compression }: PartOptions,
): PackedRecords {
  const containers = joinContainers({ ...batch, entries }, batchSize, codec);
  const records = containers.map(({ first, last, count, schema, bytes }) => ({
    key: batch.collector,
    value: bytes,
    headers: {
      collector: batch.collector,
      epoch: String(batch.epoch),
      first: String(first),
      last: String(last),
      count: String(count),
      schema,
    },
  }));
  return packRecords(records, compression);
}
