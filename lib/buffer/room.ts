import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { NewEntry } from "../core/mod.ts";
import type { Sql } from "./sql.ts";

/** However little space the disk has left, so much may be in use: deliveries go on through it. */
const LEAST_BYTES = 1024 * 1024;
/** What a row takes beside its payload: its columns, and its entry in the index. */
const COLUMN_BYTES = 80;
const INDEX_BYTES = 24;
const PAGE_BYTES = 4096;
/** What a page has for rows. */
const CELL_BYTES = 4084;
/** A row that does not fit a page goes on in pages of its own, each of which holds so much. */
const OVERFLOW_BYTES = 4092;
/** Where the file system is not larger than what is to stay free, this share of it is. */
const SHARE_FREE = 0.1;

/** What the file may hold at this moment. */
export interface Limit {
  /** Bytes in use. */
  readonly bytes: number;
  /** Why it is not more. */
  readonly reason: "max_bytes" | "min_free_bytes";
}

/** How much the file holds, and how much it may. */
export interface RoomOptions {
  /** The file. */
  readonly path: string;
  /** Bytes in use that it may reach. */
  readonly maxBytes: number;
  /** Bytes of the file system that it leaves free. */
  readonly minFreeBytes: number;
}

/** Measures the file, and the disk it is on. */
export class Room {
  readonly #sql: Sql;
  readonly #options: RoomOptions;

  /** Nothing is kept: each call measures. */
  constructor(sql: Sql, options: RoomOptions) {
    this.#sql = sql;
    this.#options = options;
  }

  /** Bytes of the file, pages that are free within it included. */
  fileBytes(): number {
    return this.#sql.number("PRAGMA page_count") * this.#sql.number("PRAGMA page_size");
  }

  /** Bytes of the file that are in use. */
  used(): number {
    return this.fileBytes() - this.freeBytes();
  }

  /** Bytes of the file that are free within it. */
  freeBytes(): number {
    return this.#sql.number("PRAGMA freelist_count") * this.#sql.number("PRAGMA page_size");
  }

  /** What `used` may reach: the file grows no further when the disk is short of space. */
  limit(): Limit {
    const { maxBytes } = this.#options;
    const growth = this.growth();
    const bytes = Math.max(this.fileBytes() + growth, LEAST_BYTES);
    return bytes < maxBytes
      ? { bytes, reason: "min_free_bytes" }
      : { bytes: maxBytes, reason: "max_bytes" };
  }

  /** Bytes by which the file may grow before the disk is short of space. */
  growth(): number {
    const { minFreeBytes } = this.#options;
    const { left, total } = this.#disk();
    return Math.max(left - (minFreeBytes < total ? minFreeBytes : total * SHARE_FREE), 0);
  }

  /** Whether the disk has room for all that stands in SQLite's log and not in the file. */
  canCheckpoint(): boolean {
    return this.fileBytes() - Deno.statSync(this.#options.path).size <= this.#disk().left;
  }

  /** Bytes that are left on the disk. */
  diskLeft(): number {
    return this.#disk().left;
  }

  #disk(): { readonly left: number; readonly total: number } {
    try {
      const { bavail, blocks, bsize } = statfsSync(dirname(this.#options.path));
      return { left: bavail * bsize, total: blocks * bsize };
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      // A system that does not say how full it is: SQLite will.
      return { left: Number.MAX_SAFE_INTEGER, total: Number.MAX_SAFE_INTEGER };
    }
  }
}

/** How many bytes of the file these will take, rather more than less. */
export function bytesOf(entries: readonly NewEntry[]): number {
  let bytes = PAGE_BYTES;
  for (const { payload } of entries) bytes += INDEX_BYTES + rowBytes(payload.length);
  return bytes;
}

function rowBytes(payloadBytes: number): number {
  const cell = payloadBytes + COLUMN_BYTES;
  const cellsInPage = Math.floor(CELL_BYTES / cell);
  if (cellsInPage > 0) return PAGE_BYTES / cellsInPage;
  return PAGE_BYTES / 2 + Math.ceil(cell / OVERFLOW_BYTES) * PAGE_BYTES;
}
