/** What the name of a file says: `collector-epoch-first-last.avro`. */
export interface FileName {
  /** What the positions are unique within. */
  readonly epoch: number;
  /** Its first position. */
  readonly first: number;
  /** Its last position; undefined while it is written: `collector-epoch-first.avro.partial`. */
  readonly last: number | undefined;
}

/** The name of a collector's file. */
export function formatName(collector: string, { epoch, first, last }: FileName): string {
  return last === undefined
    ? `${collector}-${epoch}-${first}.avro.partial`
    : `${collector}-${epoch}-${first}-${last}.avro`;
}

/** Reads a name; undefined when the file is none of this collector's. */
export function parseName(name: string, collector: string): FileName | undefined {
  if (!name.startsWith(`${collector}-`)) return undefined;
  const rest = name.slice(collector.length + 1);
  const [, epoch, first, last] = /^(\d+)-(\d+)(?:-(\d+)\.avro|\.avro\.partial)$/.exec(rest) ?? [];
  if (epoch === undefined) return undefined;
  return {
    epoch: Number(epoch),
    first: Number(first),
    last: last === undefined ? undefined : Number(last),
  };
}
