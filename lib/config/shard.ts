import { type Endpoint, parseEndpoint, type Setting, SettingError } from "../core/mod.ts";
import { setting } from "../setting.ts";

/** One of several collectors that share a fleet. */
export interface Shard {
  /** Which one, counted from 1. */
  readonly index: number;
  /** How many there are. */
  readonly count: number;
}

const MOST = 1000;

/** `collect.shard`. */
export const shard: Setting<Shard | undefined> = setting<Shard | undefined>(
  {
    key: "collect.shard",
    summary:
      "I/N: poll the I-th of N parts of the fleet, with a collector.id and buffer.path of its own",
  },
  undefined,
  { schema: { type: "string", pattern: "^[0-9]+/[0-9]+$" }, parse, fromText: parse },
);

function parse(value: unknown): Shard {
  const [, index, count] = /^(\d{1,4})\/(\d{1,4})$/.exec(String(value)) ?? [];
  const found = { index: Number(index), count: Number(count) };
  if (found.index >= 1 && found.index <= found.count && found.count <= MOST) return found;
  throw new SettingError(`must be I/N with I within 1–N and N within 1–${MOST}, as 2/3`);
}

/** As it is written. */
export function formatShard({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * Whether an endpoint, with all its unit ids, is one that this shard polls. All shards find the same
 * from its address alone: a gateway has one connection to give, and who the devices behind it are
 * shows only when they are asked.
 *
 * The shard whose number and the address have the highest score wins (rendezvous hashing): of N + 1
 * shards, the new one takes its part from all others, and nothing else moves.
 *
 * @param shard undefined = there are no others
 */
export function isOfShard(shard: Shard | undefined, endpoint: Endpoint): boolean {
  if (!shard) return true;
  const hash = fnv1a(addressOf(endpoint));
  const own = score(hash, shard.index);
  for (let other = 1; other <= shard.count; other++) {
    if (other === shard.index) continue;
    const theirs = score(hash, other);
    if (theirs > own || (theirs === own && other < shard.index)) return false;
  }
  return true;
}

/** What stays the same when a line's speed or the way to speak is changed. */
function addressOf(endpoint: Endpoint): string {
  if (endpoint.scheme === "serial") return `serial:${endpoint.path}`;
  return `${endpoint.host.toLowerCase()}:${endpoint.port}`;
}

/** FNV-1a, 32 bits: draft-eastlake-fnv. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

/** The finish of MurmurHash3, 32 bits: every bit of what goes in changes half of what comes out. */
function score(hash: number, index: number): number {
  let mixed = hash ^ Math.imul(index, 0x9e3779b9);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The name of this shard's own: two producers of one id would fence each other. */
export function nameForShard(id: string, { index }: Shard): string {
  return `${id}-shard-${index}`;
}

/** The same for a file: `buffer.sqlite` is `buffer-shard-2.sqlite`. */
export function fileForShard(path: string, { index }: Shard): string {
  const [, stem = path, suffix = ""] = /^(.*[^/])(\.[^./]+)$/.exec(path) ?? [];
  return `${stem}-shard-${index}${suffix}`;
}

/** Those of written devices that this shard polls. */
export function devicesOfShard(
  written: readonly unknown[],
  shard: Shard,
): readonly unknown[] {
  return written.filter((entry) => isOfShard(shard, parseEndpoint(String(Object(entry).endpoint))));
}
