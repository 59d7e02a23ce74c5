import { crc32c, crc32cOfText } from "../crc32c.ts";
import { asTemplate, type Template } from "./packing.ts";
import type { Row, Sql } from "./sql.ts";

/** A template in the file. */
export interface StoredTemplate extends Template {
  /** Never used twice. */
  readonly id: number;
  /** The schema that it was written with, and all that are like it. */
  readonly schema: string;
}

/**
 * The readings that others are kept as differences to. Each is kept twice, with a checksum, under two
 * ids that follow on each other: a bit that turns over must not take all those along.
 */
export class Templates {
  readonly #sql: Sql;
  readonly #known = new Map<number, StoredTemplate>();
  #undone: number;

  /** On the tables of a buffer file. */
  constructor(sql: Sql) {
    this.#sql = sql;
    this.#undone = sql.undone;
  }

  /** A template; undefined when it is not there any more, or not what was written. */
  get(id: number): StoredTemplate | undefined {
    this.#forgetUndone();
    const known = this.#known.get(id);
    if (known) return known;
    const found = this.#sql.all("SELECT * FROM template WHERE id IN (?, ?)", id, id + 1);
    const sound = found.map(soundTemplate).find((template) => template !== undefined);
    if (!sound) return undefined;
    const template = { ...sound, id };
    this.#known.set(id, template);
    return template;
  }

  /** All that are there. */
  all(): StoredTemplate[] {
    return this.#sql.all("SELECT id FROM template WHERE id % 2 = 1 ORDER BY id")
      .flatMap(({ id }) => this.get(Number(id)) ?? []);
  }

  /** Keeps one more. Within a transaction. */
  add(reading: Template, schema: string): StoredTemplate {
    const { body, numbers } = reading;
    const id = this.#insert(reading, schema);
    this.#insert(reading, schema);
    // They are parts of larger arrays, which would be kept with them.
    const template = { id, schema, ...asTemplate(body.slice(), numbers.slice()) };
    this.#forgetUndone();
    this.#known.set(template.id, template);
    return template;
  }

  /** Lets one go that no row needs any more. */
  remove(id: number): void {
    this.#sql.run("DELETE FROM template WHERE id IN (?, ?)", id, id + 1);
    this.#known.delete(id);
  }

  #insert({ body, numbers }: Template, schema: string): number {
    return this.#sql.run(
      "INSERT INTO template(schema, numbers, body, crc) VALUES(?, ?, ?, ?)",
      schema,
      asBytes(numbers),
      body,
      checksum(schema, asBytes(numbers), body),
    ).lastId;
  }

  /** What came with a transaction that was rolled back never was; its id comes again. */
  #forgetUndone(): void {
    if (this.#undone === this.#sql.undone) return;
    this.#undone = this.#sql.undone;
    this.#known.clear();
  }
}

function soundTemplate(row: Row): Omit<StoredTemplate, "id"> | undefined {
  const { schema, numbers, body, crc } = row;
  if (typeof schema !== "string") return undefined;
  if (!(numbers instanceof Uint8Array) || !(body instanceof Uint8Array)) return undefined;
  if (checksum(schema, numbers, body) !== crc) return undefined;
  return { schema, ...asTemplate(body, new Uint32Array(numbers.slice().buffer)) };
}

function checksum(schema: string, numbers: Uint8Array, body: Uint8Array): number {
  const parts = [schema, crc32c(numbers), crc32c(body)];
  return crc32cOfText(JSON.stringify(parts));
}

function asBytes({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
