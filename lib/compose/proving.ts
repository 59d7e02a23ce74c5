import { PlaceReader } from "../avro/mod.ts";
import { type Io, startProgress } from "../cli/mod.ts";
import { type Lookup, messageOf, NotFoundError } from "../core/mod.ts";
import { openTopic } from "../outputs/kafka/topic.ts";
import { Proof } from "./proof.ts";

/** What a proof is made of. */
export interface Proven {
  readonly proof: Proof;
  /** What a reader of the result should know, one line each. */
  readonly remarks: readonly string[];
}

/** Which records count. */
export interface Which {
  /** Of one collector only; undefined = of all. */
  readonly collector: string | undefined;
  /** Unix milliseconds. */
  readonly since: number | undefined;
}

/**
 * Reads a topic from its beginning to its present end.
 *
 * @throws {NotFoundError} there is none of this name
 * @throws {RefusedError} it may not be read
 * @throws {TryLaterError} the brokers cannot be reached
 * @throws {Error} a record that says it is ours is not whole
 */
export async function proveTopic(
  get: Lookup,
  io: Io,
  { topic, collector, since, signal }: Which & { topic: string; signal: AbortSignal },
): Promise<Proven> {
  await using reader = await openTopic(get, { topic, since });
  const { spans, hidden } = reader;
  const total = spans.reduce((sum, { from, to }) => sum + to - from, 0);
  const starts = new Map(spans.map(({ partition, from }) => [partition, from]));
  using progress = startProgress(io, "reading offset", total);
  const proof = new Proof("kafka");
  const remarks: string[] = [];
  let [done, readings, strangers] = [0, 0, 0];
  for await (const { partition, records, next } of reader.pages(signal)) {
    for (const { offset, headers, value } of records) {
      if (headers.collector === undefined) strangers++;
      if (headers.collector === undefined) continue;
      if (headers.collector !== (collector ?? headers.collector)) continue;
      const name = `record ${offset} of partition ${partition}`;
      readings += await addContainer(proof, [value], { name, at: String(partition), collector });
    }
    done += next - (starts.get(partition) ?? next);
    starts.set(partition, next);
    progress.update(done, `${readings} readings`);
  }
  if (spans.some(({ from }) => from > 0)) {
    remarks.push("the topic no longer begins at its first offset: what expired is not looked at");
  }
  if (strangers > 0) remarks.push(`${strangers} records of other programs are left out`);
  if (hidden > 0) remarks.push(`${hidden} offsets behind an open transaction are left out`);
  return { proof, remarks };
}

/**
 * Reads container files; of a folder those that have their final names.
 *
 * @throws {NotFoundError} there is none
 * @throws {Error} one is not whole
 */
export async function proveFiles(
  paths: readonly string[],
  io: Io,
  { collector, signal }: Pick<Which, "collector"> & { signal: AbortSignal },
): Promise<Proven> {
  const files = (await Promise.all(paths.map(filesOf))).flat();
  using progress = startProgress(io, "reading file", files.length);
  const proof = new Proof("file");
  let readings = 0;
  for (const [i, file] of files.entries()) {
    signal.throwIfAborted();
    const { readable } = await Deno.open(file);
    readings += await addContainer(proof, readable, { name: `"${file}"`, at: file, collector });
    progress.update(i + 1, `${readings} readings`);
  }
  return { proof, remarks: [] };
}

async function filesOf(path: string): Promise<string[]> {
  try {
    if (!(await Deno.stat(path)).isDirectory) return [path];
    const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
    return names.filter((name) => name.endsWith(".avro")).sort().map((name) => `${path}/${name}`);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new NotFoundError(`Cannot read "${path}": no such file or folder`, { cause });
  }
}

/** Adds the records of a container, piece by piece; gives how many they were. */
async function addContainer(
  proof: Proof,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { name, at, collector }: { name: string; at: string; collector: string | undefined },
): Promise<number> {
  const reader = new PlaceReader();
  let count = 0;
  const add = (piece: Uint8Array) => {
    for (const place of reader.push(piece)) {
      if (place.collector !== (collector ?? place.collector)) continue;
      proof.add(place, at);
      count++;
    }
  };
  try {
    for await (const piece of pieces) add(piece);
    reader.end();
  } catch (cause) {
    throw new Error(`Cannot prove anything with ${name}: ${messageOf(cause)}`, { cause });
  }
  return count;
}
