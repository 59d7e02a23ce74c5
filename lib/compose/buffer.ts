import { dirname } from "node:path";
import { eventReading } from "../avro/encode.ts";
import {
  type BufferHandle,
  type BufferRole,
  openIsolated,
  type SqliteBuffer,
} from "../buffer/mod.ts";
import type { Clock } from "../clock.ts";
import type { ClockState } from "../clock_state.ts";
import { Stamper } from "../collect/mod.ts";
import { type Config, settings } from "../config/mod.ts";
import { ConfigError, type NewEntry, NotFoundError, type Retention } from "../core/mod.ts";
import { topic } from "../outputs/mod.ts";
import { threadModule } from "../thread.ts";
import { openHere, type PlainOptions, toEntry } from "./buffer_thread.ts";

export { toEntry } from "./buffer_thread.ts";

function plainOptions(config: Config, role: BufferRole): PlainOptions {
  const { get } = config;
  const { buffer } = settings;
  return {
    path: get(buffer.path),
    role,
    topic: get(topic),
    collector: get(settings.collector.id),
    outputs: config.outputs().map(({ name }) => name),
    synchronous: get(buffer.synchronous),
    commitIntervalMs: get(buffer.commitIntervalMs),
    maxBytes: get(buffer.maxBytes),
    minFreeBytes: get(buffer.minFreeBytes),
    whenFull: get(buffer.whenFull),
  };
}

/**
 * Opens the buffer as the configuration says.
 *
 * @throws {TryLaterError} the disk is full, or another process does the same with it
 */
export function openBuffer(config: Config, role: BufferRole): SqliteBuffer {
  if (role === "drain" || role === "maintain") requireFile(config.get(settings.buffer.path));
  return openHere(plainOptions(config, role));
}

/** A collector's buffer, and whether it has a thread of its own. */
export interface CollectingBuffer {
  readonly buffer: BufferHandle;
  readonly isIsolated: boolean;
}

/**
 * Opens the buffer of a collector, in a thread of its own where the configuration says so or it is
 * worth it.
 *
 * @throws {TryLaterError} as `openBuffer`
 */
export async function openCollecting(config: Config): Promise<CollectingBuffer> {
  const module = threadModule();
  const wish = config.get(settings.buffer.isolate);
  const isIsolated = wish === "true" || (wish === "auto" && isWorthThread(config) && !!module);
  if (!isIsolated) return { buffer: openBuffer(config, "collect"), isIsolated };
  if (!module) throw new ConfigError("Cannot isolate the buffer: this program starts no threads");
  return { buffer: await openIsolated(module, plainOptions(config, "collect")), isIsolated };
}

/** As many devices commit so much that a stall is noticed; a search may find as many. */
const MANY_DEVICES = 20;

function isWorthThread({ get }: Config): boolean {
  const devices = get(settings.devices).reduce((sum, { unitIds }) => sum + unitIds.length, 0);
  return devices >= MANY_DEVICES || get(settings.discovery.subnet).length > 0;
}

/**
 * Who only takes out of a buffer has nothing to do with one that is not there.
 *
 * @throws {NotFoundError}
 */
export function requireFile(path: string): void {
  if (!isMissing(path)) return;
  throw new NotFoundError(`Cannot open buffer "${path}": no such file; ${WHO_MAKES_IT}`);
}

const WHO_MAKES_IT = "collect or poll --buffer make it, see buffer.path";

/** Says that there is no buffer yet, where one could be made; undefined = it is there, or cannot be. */
export function notYetMade({ get }: Config): string | undefined {
  const path = get(settings.buffer.path);
  if (!isMissing(path) || isMissing(dirname(path))) return undefined;
  return `there is no buffer "${path}" yet; ${WHO_MAKES_IT}`;
}

function isMissing(path: string): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
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
export async function stamperAfter(buffer: BufferHandle, clock: Clock): Promise<Stamper> {
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
