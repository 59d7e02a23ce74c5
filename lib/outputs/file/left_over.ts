import { type ContainerHeader, decodeBlock, decodeHeader } from "../../avro/container.ts";

/** The key in a file's head that names the incarnation of the buffer file it was written from. */
export const INCARNATION = "sunspool.incarnation";
/** More than the head of any file. */
const HEAD_BYTES = 64 * 1024;

/** A block that is whole. */
export interface Span {
  /** Its first position. */
  readonly first: number;
  /** Its last position. */
  readonly last: number;
  /** Where the next block begins. */
  readonly end: number;
}

/** What can be read of a file. */
export interface LeftOver {
  /** Which incarnation it names; undefined = none, or it is torn. */
  readonly incarnation: string | undefined;
  /** Its leading blocks that are whole and of one epoch; a power cut may have torn the rest. */
  readonly spans: readonly Span[];
}

/** Reads a file that was not finished. */
export async function readLeftOver(path: string, epoch: number): Promise<LeftOver> {
  const bytes = await Deno.readFile(path);
  const header = headerOf(bytes);
  if (!header) return { incarnation: undefined, spans: [] };
  const incarnation = header.metadata.get(INCARNATION);
  return { incarnation, spans: await wholeBlocks(bytes, header, epoch) };
}

/** Which incarnation a file names. */
export async function incarnationOf(path: string): Promise<string | undefined> {
  using handle = await Deno.open(path);
  const bytes = new Uint8Array(HEAD_BYTES);
  const length = await handle.read(bytes) ?? 0;
  return headerOf(bytes.subarray(0, length))?.metadata.get(INCARNATION);
}

function headerOf(bytes: Uint8Array): ContainerHeader | undefined {
  try {
    return decodeHeader(bytes);
  } catch {
    return undefined;
  }
}

async function wholeBlocks(
  bytes: Uint8Array,
  header: ContainerHeader,
  epoch: number,
): Promise<Span[]> {
  // Loaded only after a crash: decoding takes the Avro library, delivering does not.
  const { records } = await import("../../avro/decode.ts");
  const spans: Span[] = [];
  try {
    for (let at = header.end;;) {
      const block = decodeBlock(bytes, at, header);
      if (!block) return spans;
      const all = [...records(header.schemaText, block.data, block.count)];
      if (all.length === 0 || all.some((record) => record.epoch !== epoch)) return spans;
      const [first, last] = [Number(all[0]?.position), Number(all.at(-1)?.position)];
      spans.push({ first, last, end: block.end });
      at = block.end;
    }
  } catch {
    return spans;
  }
}
