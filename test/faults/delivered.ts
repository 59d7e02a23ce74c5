import { ContainerDecoder, type DecodedRecord } from "../../lib/avro/mod.ts";
import { messageOf } from "../../lib/core/mod.ts";
import { type FileName, parseName } from "../../lib/outputs/file/file_name.ts";
import { Violation } from "./experiment.ts";

/** A record at a destination, as a stranger reads it. */
export interface Delivered {
  readonly epoch: number;
  readonly position: number;
  readonly kind: string;
  /** Device, source, instance and time: as the collector told it when it was committed. */
  readonly key: string;
  /** `127.x.y.z:port` */
  readonly endpoint: string;
  readonly unitId: number;
  readonly modelId: number;
  readonly source: string;
  readonly collectedAt: number;
  readonly record: DecodedRecord;
  /** For the kind `gap`. */
  readonly gap: ToldGap | null;
}

/** Readings that are missing at an output, as a record tells of them. */
export interface ToldGap {
  readonly output: string;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

/** A record out of its decoded form. */
export function deliveredOf(record: DecodedRecord): Delivered {
  const { epoch, position, kind, device, source, instance, model_id, collected_at, gap } = Object(
    record,
  );
  return {
    epoch: Number(epoch),
    position: Number(position),
    kind: String(kind),
    key: [device.id, source, instance, collected_at].join(" "),
    endpoint: String(device.endpoint),
    unitId: Number(device.unit_id),
    modelId: Number(model_id),
    source: String(source),
    collectedAt: Number(collected_at),
    record,
    gap: gap && {
      output: String(gap.output),
      first: Number(gap.first),
      last: Number(gap.last),
      count: Number(gap.count),
    },
  };
}

/** Everything in the records of a container file. */
export function readContainer(bytes: Uint8Array): Delivered[] {
  const decoder = new ContainerDecoder();
  const found = decode(decoder, bytes);
  if (decoder.pending > 0) throw new Violation(`${decoder.pending} bytes behind the last block`);
  return found;
}

function decode(decoder: ContainerDecoder, bytes: Uint8Array): Delivered[] {
  try {
    return [...decoder.push(bytes)].map(deliveredOf);
  } catch (cause) {
    throw new Violation(`Nobody can read what was delivered: ${messageOf(cause)}`, { cause });
  }
}

/**
 * What a folder has, in the order of its files' positions.
 *
 * @throws {Violation} a file is not whole, not named after what it holds, or not finished
 */
export async function readFolder(folder: string, collector: string): Promise<Delivered[]> {
  const files: { name: FileName; path: string }[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const name = parseName(entry.name, collector);
    if (name) files.push({ name, path: `${folder}/${entry.name}` });
  }
  files.sort(({ name: a }, { name: b }) => a.epoch - b.epoch || a.first - b.first);
  const delivered: Delivered[] = [];
  for (const { name, path } of files) {
    const records = readContainer(await Deno.readFile(path));
    const [first, last] = [records[0]?.position, records.at(-1)?.position];
    if (first !== name.first || last !== name.last) {
      throw new Violation(`"${path}" holds positions ${first} to ${last}`);
    }
    for (const record of records) delivered.push(record);
  }
  return delivered;
}
