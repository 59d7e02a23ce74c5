import {
  encodeBody,
  eventReading,
  gapReading,
  SCHEMA_FINGERPRINT,
  SCHEMA_TEXT,
} from "../avro/mod.ts";
import { type BufferRole, SqliteBuffer, SqliteCode, sqliteCode } from "../buffer/mod.ts";
import type { Clock } from "../clock.ts";
import type { ClockState } from "../clock_state.ts";
import { Stamper } from "../collect/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import {
  type NewEntry,
  NotFoundError,
  type Reading,
  type Retention,
  TryLaterError,
} from "../core/mod.ts";
import { topic } from "../outputs/mod.ts";

/** What SQLite means when it cannot use a file that is there. */
const OPEN_FAILURES: Readonly<Record<number, string>> = {
  [SqliteCode.full]: "the disk is full",
  // The index of the log is mapped into memory: where there is no room for it, this is all it says.
  [SqliteCode.ioError]: "the disk is full or fails",
};

/**
 * Opens the buffer as the configuration says.
 *
 * @throws {TryLaterError} the disk is full, or another process does the same with it
 */
export function openBuffer(config: Config, role: BufferRole): SqliteBuffer {
  const { get } = config;
  const { buffer } = settings;
  const path = get(buffer.path);
  if (role === "drain" || role === "maintain") requireFile(path);
  try {
    return new SqliteBuffer({
      path,
      role,
      topic: get(topic),
      collector: get(settings.collector.id),
      outputs: config.outputs().map(({ name }) => name),
      synchronous: get(buffer.synchronous),
      commitIntervalMs: get(buffer.commitIntervalMs),
      maxBytes: get(buffer.maxBytes),
      minFreeBytes: get(buffer.minFreeBytes),
      whenFull: get(buffer.whenFull),
      schemas: new Map([[SCHEMA_FINGERPRINT, SCHEMA_TEXT]]),
      encodeGap: (collector, gap) => gapEntry(gapReading(collector, gap)),
    });
  } catch (cause) {
    const why = OPEN_FAILURES[sqliteCode(cause) ?? 0];
    if (why === undefined) throw cause;
    throw new TryLaterError(`Cannot use buffer "${path}": ${why}`, { cause });
  }
}

/** Who only takes out of a buffer has nothing to do with one that is not there. */
function requireFile(path: string): void {
  try {
    Deno.statSync(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) return;
    throw new NotFoundError(
      `Cannot open buffer "${path}": no such file; collect or poll --buffer make it, see buffer.path`,
      { cause },
    );
  }
}

/** The record of a gap is kept until it is delivered, whatever the clock says of its age. */
function gapEntry(gap: Reading): NewEntry {
  return { ...toEntry(gap), clockSynced: false };
}

/** Encodes an event of this moment for the buffer; `event` is a word for programs. */
export function eventEntry(
  collector: string,
  event: string,
  text: string,
  clockSynced: ClockState,
): NewEntry {
  return toEntry({ ...eventReading(collector, event, text, Date.now() * 1000), clockSynced });
}

/** A stamper whose readings are later than all that the buffer ever held. */
export async function stamperAfter(buffer: SqliteBuffer, clock: Clock): Promise<Stamper> {
  const after = await buffer.latestTime() * 1000 + 999;
  return new Stamper({ after, synced: () => clock.synced });
}

/**
 * What may be dropped; while the clock is known to be wrong, nothing goes by its age.
 *
 * @param maxMs about how long it may take
 */
export function retentionOf({ get }: Config, synced: ClockState, maxMs: number): Retention {
  const { maxBytes, maxAgeS } = settings.buffer;
  const maxAgeSeconds = synced === false ? Number.MAX_SAFE_INTEGER : get(maxAgeS);
  return { maxBytes: get(maxBytes), maxAgeSeconds, maxMs };
}

/** Encodes a reading for the buffer. */
export function toEntry(reading: Reading): NewEntry {
  return {
    schema: SCHEMA_FINGERPRINT,
    payload: encodeBody(reading),
    createdAt: Math.floor(reading.collectedAt / 1000),
    clockSynced: reading.clockSynced,
  };
}
