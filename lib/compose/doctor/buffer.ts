import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { fileFault } from "../../buffer/mod.ts";
import { type Config, settings } from "../../config/mod.ts";
import { type BufferStats, type Finding, messageOf, NotFoundError } from "../../core/mod.ts";
import { existingFolder, tryToWrite } from "../../folder.ts";
import { openBuffer } from "../buffer.ts";
import { askPage, pageAddress } from "../ask_page.ts";
import { humanTime } from "../capacity.ts";
import { pageToken } from "../page_token.ts";

const SUBJECT = "buffer";
/** A buffer fuller than this will soon drop readings. */
const FULL_SHARE = 0.8;
/** Readings that wait longer say that an output does not take them. */
const LONG_S = 3600;

/** The file, what is in it, and the room that it has. Opening it checks its integrity. */
export async function* examineBuffer(config: Config, now: number): AsyncGenerator<Finding> {
  const path = config.get(settings.buffer.path);
  const corruption = await exists(path) ? fileFault(path) : undefined;
  if (corruption !== undefined) {
    const text = `file "${path}" is corrupt: ${corruption}`;
    const advice = "keep a copy; the next collect sets it aside and begins a new one";
    return yield { subject: SUBJECT, state: "fault", text, advice };
  }
  try {
    await using buffer = openBuffer(config, "maintain");
    const stats = await buffer.stats();
    yield ok(`file "${path}" of collector "${buffer.collector}" is whole, ${stats.rows} readings`);
    yield* examineStats(stats, now);
    yield* await examineCapacity(config, buffer.collector);
  } catch (error) {
    if (error instanceof NotFoundError) {
      yield await examineAbsent(path);
    } else {
      const advice = "give this user the file, or set buffer.path";
      yield { subject: SUBJECT, state: "fault", text: messageOf(error), advice };
    }
  }
  yield* examineRoom(config, await existingFolder(dirname(path)));
}

/** Whether collect can make the file, and its folder where that is missing too. */
async function examineAbsent(path: string): Promise<Finding> {
  const folder = await existingFolder(dirname(path));
  try {
    await tryToWrite(folder);
    return ok(`file "${path}" is not there yet, collect makes it`);
  } catch (error) {
    const text = `Cannot make a file in "${folder}": ${messageOf(error)}`;
    const advice = "give this user the right to write there, or set buffer.path";
    return { subject: SUBJECT, state: "fault", text, advice };
  }
}

function* examineStats(stats: BufferStats, now: number): Generator<Finding> {
  if (stats.bytes > FULL_SHARE * stats.maxBytes) {
    const share = Math.round(100 * stats.bytes / stats.maxBytes);
    const advice = "bring the output back, or raise buffer.max_bytes";
    yield warning(`${share} % of buffer.max_bytes are in use`, advice);
  }
  for (const [output, since] of Object.entries(stats.waitingSince)) {
    const seconds = since === undefined ? 0 : (now - since) / 1000;
    if (seconds < LONG_S) continue;
    const text = `${stats.backlog[output]} readings wait for ${output}, the oldest for ` +
      humanTime(seconds);
    yield warning(text, "see what is said of the output, and whether collect or drain runs");
  }
  if (stats.deadLetters > 0) {
    const text = `${stats.deadLetters} readings were rejected and are set aside`;
    yield warning(text, "see: sunspool buffer inspect");
  }
}

/** As the collector that runs here tells it; without one there is no rate to tell it from. */
async function examineCapacity(config: Config, collector: string): Promise<readonly Finding[]> {
  const url = pageAddress(config, "/metrics");
  if (url === undefined) return [];
  const { text } = await askPage(url, pageToken(config)).catch(() => ({ text: "" }));
  const [, seconds] = /^sunspool_buffer_capacity_seconds ([\d.e+]+)$/m.exec(text) ?? [];
  // Somebody else's may listen there.
  const isOurs = text.includes(`sunspool_collector_info{collector="${collector}"} 1\n`);
  if (seconds === undefined || !isOurs) return [];
  return [ok(`holds an outage of ${humanTime(Number(seconds))} at the rate of the last seconds`)];
}

function* examineRoom(config: Config, folder: string): Generator<Finding> {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const needed = config.get(settings.buffer.maxBytes) + config.get(settings.buffer.minFreeBytes);
    const text = `${Math.floor(free / 1e6)} MB are free in "${folder}"`;
    if (free >= needed) return yield ok(text);
    const advice = "make room, or lower buffer.max_bytes: the buffer cannot grow to it";
    yield warning(text, advice);
  } catch (error) {
    const advice = "make the folder of buffer.path";
    yield { subject: SUBJECT, state: "fault", text: messageOf(error), advice };
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function ok(text: string): Finding {
  return { subject: SUBJECT, state: "ok", text, advice: undefined };
}

function warning(text: string, advice: string): Finding {
  return { subject: SUBJECT, state: "warning", text, advice };
}
