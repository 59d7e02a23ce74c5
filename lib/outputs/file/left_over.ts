import { decodeBlock, decodeHeader } from "../../avro/container.ts";

/** A block that is whole. */
export interface Span {
  /** Its first position. */
  readonly first: number;
  /** Its last position. */
  readonly last: number;
  /** Where the next block begins. */
  readonly end: number;
}

/** The leading blocks of a file that are whole and of one epoch; a power cut may have torn the rest. */
export async function wholeBlocks(bytes: Uint8Array, epoch: number): Promise<Span[]> {
  // Loaded only after a crash: decoding takes the Avro library, delivering does not.
  const { records } = await import("../../avro/decode.ts");
  const spans: Span[] = [];
  try {
    const header = decodeHeader(bytes);
    if (!header) return [];
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
