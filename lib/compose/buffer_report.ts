import type { Table } from "../cli/mod.ts";
import type { SqliteBuffer } from "../buffer/mod.ts";
import type { Json } from "../core/mod.ts";

/** What is known of a buffer. */
export interface BufferReport {
  /** As it is printed. */
  readonly document: { readonly [name: string]: Json };
  /** Whether the file and all its rows are what was written. */
  readonly isSound: boolean;
}

/** Looks at everything in a buffer file, which takes its time when it is large. */
export async function inspectBuffer(buffer: SqliteBuffer): Promise<BufferReport> {
  const maintenance = buffer.maintenance();
  const { rows, oldestAt, dropped } = await buffer.stats();
  const { epoch, latest } = await buffer.local("");
  const integrity = maintenance.integrity();
  const damaged = integrity === "ok" ? maintenance.damagedRows() : null;
  const sizes = maintenance.sizes();
  return {
    isSound: integrity === "ok" && damaged === 0,
    document: {
      collector: buffer.collector,
      epoch,
      latest_position: latest,
      rows,
      oldest_at: time(oldestAt),
      integrity,
      damaged_rows: damaged,
      used_bytes: sizes.used,
      file_bytes: sizes.file,
      limit_bytes: sizes.limit,
      outputs: maintenance.outputs().map((output) => ({
        output: output.output,
        active: output.active,
        position: output.position,
        backlog: output.backlog,
        waiting_since: time(output.waitingSince),
        gaps_not_told_yet: output.untoldGaps,
      })),
      dead_letters: maintenance.deadLetterCounts().map(({ since, ...letters }) => ({
        ...letters,
        oldest_at: time(since),
      })),
      dropped: dropped.map((drop) => ({ ...drop })),
    },
  };
}

/** Facts as a table of two columns; what is in lists goes by what names it. */
export function figuresOf(facts: { readonly [name: string]: Json }): Table {
  return { columns: ["figure", "value"], rows: [...figures(facts)] };
}

function* figures(facts: { readonly [name: string]: Json }): Generator<[string, string]> {
  for (const [name, value] of Object.entries(facts)) {
    if (!Array.isArray(value)) yield [name, typeof value === "string" ? value : text(value)];
    else for (const entry of value) yield [name, text(entry)];
  }
}

/** `output file, count 3` */
function text(value: Json): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return String(value);
  return Object.entries(value).map(([name, part]) => `${name} ${part}`).join(", ");
}

function time(at: number | undefined): string | null {
  return at === undefined || !(Math.abs(at) <= 8.64e15) ? null : new Date(at).toISOString();
}
