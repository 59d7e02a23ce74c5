import { ContainerDecoder, type DecodedRecord } from "./decode.ts";
import { PLACE_SCHEMA } from "./schema.ts";

/** Where a record stands among those of its collector. */
export interface RecordPlace {
  /** Who delivered it. */
  readonly collector: string;
  /** What the position is unique within. */
  readonly epoch: number;
  /** Its row id in the collector's buffer. */
  readonly position: number;
  /** The positions that it says an output will not get; null when it is no gap record. */
  readonly gap: { readonly output: string; readonly first: number; readonly last: number } | null;
}

/** Reads the places of the records in a container file; everything else is passed over. */
export class PlaceReader {
  readonly #decoder = new ContainerDecoder(PLACE_SCHEMA);

  /**
   * Takes more bytes; gives the places in every block that is whole now.
   *
   * @throws {Error} when the bytes are no container of readings
   */
  *push(piece: Uint8Array): Generator<RecordPlace> {
    for (const record of this.#decoder.push(piece)) yield placeOf(record);
  }

  /**
   * Says that there are no more bytes.
   *
   * @throws {Error} when there should be
   */
  end(): void {
    if (this.#decoder.pending === 0 && this.#decoder.hasHeader) return;
    throw new Error("Cannot read a container: it ends before its last block does");
  }
}

function placeOf({ collector, epoch, position, kind, gap }: DecodedRecord): RecordPlace {
  const { output, first, last } = Object(gap);
  return {
    collector: String(collector),
    epoch: Number(epoch),
    position: Number(position),
    gap: kind === "gap"
      ? { output: String(output), first: Number(first), last: Number(last) }
      : null,
  };
}
