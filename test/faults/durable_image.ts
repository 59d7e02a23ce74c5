import { join } from "node:path";
import type { Chance } from "../modbus/chance.ts";

/** What a disk writes whole or not at all. */
const SECTOR = 512;

/** What `shims/power_cut.c` keeps, and the disk it keeps it of. */
export interface CutDisk {
  /** The files as the process saw them. */
  readonly disk: string;
  /** What it had synced. */
  readonly durable: string;
}

/** The folders of a disk, and where the shim keeps their names. */
const FOLDERS = [["", "root"], ["out", "out"]] as const;

/** Makes the folders that the shim writes to. */
export async function prepareDurable(durable: string): Promise<void> {
  await Deno.remove(durable, { recursive: true }).catch(() => {});
  for (const name of ["data", "names"]) {
    await Deno.mkdir(join(durable, name), { recursive: true });
  }
}

/**
 * Puts in the disk's place what a power cut leaves of it: what was synced, and of the rest each
 * sector, and the names of each folder, as chance has it.
 *
 * @param share of the sectors that were not synced and got there all the same, 0–1
 */
export async function cutPower(
  { disk, durable }: CutDisk,
  share: number,
  chance: Chance,
): Promise<void> {
  const next = `${disk}.next`;
  const live = new Map<string, string>();
  const names = new Map<string, ReadonlyMap<string, string>>();
  for (const [folder, kept] of FOLDERS) {
    const there = await liveNames(join(disk, folder));
    for (const [name, key] of there) live.set(key, join(disk, folder, name));
    const synced = await syncedNames(join(durable, "names", kept));
    names.set(folder, chance.next() < share ? there : synced);
  }
  for (const [folder, keys] of names) {
    await Deno.mkdir(join(next, folder), { recursive: true });
    for (const [name, key] of keys) {
      const synced = await readOrEmpty(join(durable, "data", key));
      const seen = live.get(key);
      const bytes = seen === undefined
        ? synced
        : mixed(synced, await Deno.readFile(seen), share, chance);
      await Deno.writeFile(join(next, folder, name), bytes, { mode: 0o600 });
    }
  }
  await Deno.remove(disk, { recursive: true });
  await Deno.rename(next, disk);
}

/** The synced bytes, and some of the sectors that were written since. */
function mixed(
  synced: Uint8Array<ArrayBuffer>,
  seen: Uint8Array,
  share: number,
  chance: Chance,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.max(synced.length, seen.length));
  bytes.set(synced);
  // The file may have been cut short, and that may have got there.
  let length = seen.length < synced.length && chance.next() < share ? seen.length : synced.length;
  for (let at = 0; at < seen.length; at += SECTOR) {
    const sector = seen.subarray(at, at + SECTOR);
    const isNew = sector.some((byte, i) => at + i >= synced.length || byte !== synced[at + i]);
    if (!isNew || chance.next() >= share) continue;
    bytes.set(sector, at);
    length = Math.max(length, at + sector.length);
  }
  return bytes.slice(0, length);
}

async function syncedNames(path: string): Promise<Map<string, string>> {
  const lines = (await Deno.readTextFile(path)).split("\n").filter(Boolean);
  return new Map(lines.map((line) => {
    const [name = "", key = ""] = line.split("\t");
    return [name, key];
  }));
}

async function liveNames(folder: string): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) continue;
    const { ino, birthtime } = await Deno.stat(join(folder, name));
    names.set(name, `${ino}-${birthtime?.getTime()}`);
  }
  return names;
}

async function readOrEmpty(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array(0);
    throw error;
  }
}
