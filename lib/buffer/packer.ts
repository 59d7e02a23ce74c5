import type { NewEntry } from "../core/mod.ts";
import { BytePool } from "../byte_pool.ts";
import { crc32c } from "../crc32c.ts";
import { asTemplate, isAlike, pack, POOL_BYTES, type Template } from "./packing.ts";
import type { Sql } from "./sql.ts";
import type { StoredTemplate, Templates } from "./templates.ts";

/** The share of the buffer that templates may take; what finds none is kept whole. */
const SHARE = 1 / 8;
/** Readings that were seen once, as far as they are remembered. */
const MOST_SEEN = 10_000;
/** A template that no row needs is kept for so long: what a device said it will say again. */
const KEPT_MS = 3_600_000;
/** What a template takes beside its bytes. */
const COLUMN_BYTES = 64;
/** What templates may add to one commit: room is made for its readings alone, the slack bears these. */
const COMMIT_BYTES = 256 * 1024;
/** Templates that go in one trim: more would keep appending waiting. */
const MOST_RETIRED = 100;

/** A template, and whether it is needed. */
export interface TemplateUse {
  /** What it is. */
  readonly template: StoredTemplate;
  /** The last position that may need it. */
  lastAt: number;
  /** Since when no row needs it, on the clock of `performance.now()`. */
  idleSince: number | undefined;
}

/** A reading as a difference to a template. */
export interface Packed {
  /** The template; `used` is to be told of the position that the reading gets. */
  readonly use: TemplateUse;
  /** The difference. */
  readonly bytes: Uint8Array;
}

/**
 * Finds for each reading that is appended one that it is like. The second of those that are alike
 * becomes the template of all that follow: what comes once needs none.
 *
 * Only whoever appends packs: it alone knows which templates it is about to use.
 */
export class Packer {
  readonly #sql: Sql;
  readonly #templates: Templates;
  readonly #maxBytes: number;
  readonly #seen = new Set<number>();
  readonly #used = new Map<number, TemplateUse>();
  /** What readings that begin alike were last like; none but of those in use. */
  readonly #latest = new Map<number, TemplateUse>();
  readonly #pool = new BytePool(POOL_BYTES);
  #bytes = 0;
  #bytesInCommit = 0;
  #undone = -1;

  /** @param maxBytes what the buffer may hold */
  constructor(sql: Sql, templates: Templates, maxBytes: number) {
    this.#sql = sql;
    this.#templates = templates;
    this.#maxBytes = maxBytes * SHARE;
  }

  /** Tells that what is packed from here on shares one commit. */
  begin(): void {
    this.#bytesInCommit = 0;
  }

  /** A reading as a difference; undefined = it is to be kept whole. Within a transaction. */
  pack({ payload, numbers, schema }: NewEntry): Packed | undefined {
    if (numbers === undefined || numbers.length === 0) return undefined;
    if (this.#undone !== this.#sql.undone) this.#load();
    const own = asTemplate(payload, numbers);
    const beginning = crc32c(payload.subarray(0, numbers[0]));
    let use = this.#latest.get(beginning);
    if (!use || !fits(use, own, schema)) {
      const shape = shapeOf(own);
      use = this.#used.get(shape) ?? this.#make(shape, own, schema);
      // Others may have the same shape by chance.
      if (!use || !fits(use, own, schema)) return undefined;
      this.#latest.set(beginning, use);
    }
    return { use, bytes: pack(use.template, own, this.#pool) };
  }

  /** Tells that the row at a position needs a template. */
  used(use: TemplateUse, position: number): void {
    use.lastAt = position;
    use.idleSince = undefined;
  }

  /** Lets templates go that no row from `first` on needs, and none has for a while. */
  retire(first: number, now: number): void {
    const idle: [number, TemplateUse][] = [];
    for (const [shape, used] of this.#used) {
      if (used.lastAt >= first) used.idleSince = undefined;
      else if (now - (used.idleSince ??= now) >= KEPT_MS) idle.push([shape, used]);
    }
    const leaving = idle.slice(0, MOST_RETIRED);
    if (leaving.length === 0) return;
    this.#sql.transaction(() => {
      for (const [, { template }] of leaving) this.#templates.remove(template.id);
    });
    this.#latest.clear();
    for (const [shape, { template }] of leaving) {
      this.#used.delete(shape);
      this.#bytes -= bytesOf(template);
    }
  }

  #make(shape: number, own: Template, schema: string): TemplateUse | undefined {
    if (!this.#seen.has(shape)) {
      if (this.#seen.size >= MOST_SEEN) this.#seen.clear();
      this.#seen.add(shape);
      return undefined;
    }
    const bytes = bytesOf(own);
    if (this.#bytes + bytes > this.#maxBytes) return undefined;
    if (this.#bytesInCommit + bytes > COMMIT_BYTES) return undefined;
    this.#bytesInCommit += bytes;
    return this.#use(shape, this.#templates.add(own, schema), 0);
  }

  #use(shape: number, template: StoredTemplate, lastAt: number): TemplateUse {
    const use = { template, lastAt, idleSince: undefined };
    this.#used.set(shape, use);
    this.#bytes += bytesOf(template);
    return use;
  }

  /** Any row that there is may need any of them. What was rolled back never was. */
  #load(): void {
    this.#undone = this.#sql.undone;
    this.#used.clear();
    this.#latest.clear();
    this.#bytes = 0;
    const latest = this.#sql.number(
      "SELECT seq FROM sqlite_sequence WHERE name = 'telemetry_queue'",
    );
    for (const template of this.#templates.all()) this.#use(shapeOf(template), template, latest);
  }
}

function fits({ template }: TemplateUse, reading: Template, schema: string): boolean {
  return template.schema === schema && isAlike(template, reading);
}

/** The same for all that are alike; hardly ever for others. */
function shapeOf({ body, numbers }: Template): number {
  const still = body.slice();
  for (const at of numbers) still.fill(0, at, at + 8);
  return crc32c(still);
}

function bytesOf({ body, numbers }: Template): number {
  return 2 * (body.length + numbers.byteLength + COLUMN_BYTES);
}
