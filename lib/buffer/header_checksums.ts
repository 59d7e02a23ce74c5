import { crc32cOfText } from "../crc32c.ts";
import type { Row } from "./sql.ts";

/** Checksums of everything in rows but their positions and payloads: of a list in JSON. */
export class HeaderChecksums {
  #topic: unknown;
  #time: unknown;
  #schema: unknown;
  #synced: unknown;
  #output: unknown;
  #beginning = 0;

  /** That of a row. What its list begins with is nearly always as in the one before. */
  of({ topic, created_at, schema, clock_synced, output, template }: Row): number {
    const isAsBefore = created_at === this.#time && topic === this.#topic &&
      schema === this.#schema && clock_synced === this.#synced && output === this.#output;
    if (!isAsBefore) {
      const list = JSON.stringify([topic, created_at, schema, clock_synced, output]);
      this.#beginning = crc32cOfText(list.slice(0, -1));
      this.#time = created_at;
      this.#topic = topic;
      this.#schema = schema;
      this.#synced = clock_synced;
      this.#output = output;
    }
    // Before there were templates it was that of the others.
    return crc32cOfText(template === null ? "]" : `,${template}]`, this.#beginning);
  }
}
