import { encodeReading, gapReading } from "../avro/encode.ts";
import { SCHEMA_FINGERPRINT, SCHEMA_TEXT } from "../avro/schema.ts";
import {
  type BufferOptions,
  serveBuffer,
  SqliteBuffer,
  SqliteCode,
  sqliteCode,
} from "../buffer/mod.ts";
import { type NewEntry, type Reading, TryLaterError } from "../core/mod.ts";

/** What SQLite means when it cannot use a file that is there. */
const OPEN_FAILURES: Readonly<Record<number, string>> = {
  [SqliteCode.busy]: "another process is writing to it for too long",
  [SqliteCode.full]: "the disk is full",
  // The index of the log is mapped into memory: where there is no room for it, this is all it says.
  [SqliteCode.ioError]: "the disk is full or fails",
};

/** How a buffer is opened, as far as another thread can be told. */
export type PlainOptions = Omit<BufferOptions, "schemas" | "encodeGap">;

/**
 * Opens the buffer in this thread. Nothing but what that needs is loaded with this file: the thread
 * of the buffer consists of it.
 *
 * @throws {TryLaterError} the disk is full, or another process does the same with it
 */
export function openHere(options: PlainOptions): SqliteBuffer {
  try {
    return new SqliteBuffer({
      ...options,
      schemas: new Map([[SCHEMA_FINGERPRINT, SCHEMA_TEXT]]),
      encodeGap: (collector, gap) => gapEntry(gapReading(collector, gap)),
    });
  } catch (cause) {
    const why = OPEN_FAILURES[sqliteCode(cause) ?? 0];
    if (why === undefined) throw cause;
    throw new TryLaterError(`Cannot use buffer "${options.path}": ${why}`, { cause });
  }
}

/** Runs the buffer of the collector that started this thread. */
export function serveCollectorsBuffer(): void {
  serveBuffer(openHere);
}

/** The record of a gap is kept until it is delivered, whatever the clock says of its age. */
function gapEntry(gap: Reading): NewEntry {
  return { ...toEntry(gap), clockSynced: false };
}

/** Encodes a reading for the buffer. */
export function toEntry(reading: Reading): NewEntry {
  return {
    schema: SCHEMA_FINGERPRINT,
    ...encodeReading(reading),
    createdAt: Math.floor(reading.collectedAt / 1000),
    clockSynced: reading.clockSynced,
  };
}
