import type { LocalPosition } from "../../core/mod.ts";
import { isOurs } from "../../incarnation.ts";
import type { FileName } from "./file_name.ts";
import type { Span } from "./left_over.ts";

/** A file of this collector, and what it says of itself. */
export interface Written {
  /** Its name. */
  readonly name: FileName;
  /** Which incarnation of a buffer file it holds readings of; undefined = it does not say. */
  readonly incarnation: string | undefined;
  /** The whole blocks of one that was not finished; of one that was: none. */
  readonly spans: readonly Span[];
}

/** What the folder says about our buffer file. */
export interface Verdict {
  /** Delivered up to here, provably. */
  readonly position: number;
  /** How far another buffer file came in our epoch; undefined when none did. */
  readonly foreign: number | undefined;
}

/** Holds the files of a folder against the buffer file's own history. */
export function judge(local: LocalPosition, files: readonly Written[]): Verdict {
  let { position } = local;
  let foreign: number | undefined;
  for (const file of files.filter(({ name }) => name.epoch === local.epoch)) {
    const last = lastOf(file);
    if (!isOfThisBuffer(local, file)) foreign = Math.max(foreign ?? 0, last);
    // What has its final name was committed, whatever became of the buffer since.
    else if (file.name.last !== undefined) position = Math.max(position, last);
  }
  return { position, foreign };
}

/**
 * What is to stay of a file that was not finished. Blocks that our buffer file has not committed
 * will be delivered again; those of another one will not.
 */
export function keptSpans(local: LocalPosition, file: Written, position: number): readonly Span[] {
  const { spans } = file;
  return isOfThisBuffer(local, file) ? spans.filter(({ last }) => last <= position) : spans;
}

function isOfThisBuffer(local: LocalPosition, file: Written): boolean {
  const { name, incarnation } = file;
  const position = lastOf(file);
  // Nothing whole is in it: nobody delivered anything.
  if (position === 0) return true;
  if (incarnation !== undefined) return isOurs(local, { position, incarnation });
  // Before files said so, all that could be told was that positions existed.
  return name.epoch === local.epoch && position <= local.latest;
}

function lastOf({ name, spans }: Written): number {
  return name.last ?? spans.at(-1)?.last ?? 0;
}
