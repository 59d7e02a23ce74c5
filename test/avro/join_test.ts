import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import avro from "avsc";
import fc from "fast-check";
import {
  groupEntries,
  joinContainers,
  joinRecords,
  SCHEMA_FINGERPRINT,
  SCHEMA_TEXT,
} from "../../lib/avro/mod.ts";
import { batchOf, entryOf, OTHER_SCHEMA, SCHEMAS } from "./sample_batch.ts";
import { anyPosition, anyReading, BARE, FULL, plain, recordOf } from "./sample_readings.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const readingType = avro.Type.forSchema(JSON.parse(SCHEMA_TEXT));

Deno.test("a body behind the joined first fields is one record to avsc", () => {
  const heads = fc.record({
    collector: fc.string({ unit: "grapheme" }),
    epoch: anyPosition,
    position: anyPosition,
  });
  fc.assert(fc.property(heads, anyReading, (head, reading) => {
    const bytes = joinRecords(head, [entryOf(reading, head.position)]);
    // fromBuffer() throws when bytes are left over or missing.
    const record = readingType.fromBuffer(Buffer.from(bytes));
    assert.deepEqual(plain(record), recordOf(head, reading));
  }));
});

Deno.test("a container ends where the schema changes and where it is full", () => {
  const [a, b] = [SCHEMA_FINGERPRINT, OTHER_SCHEMA];
  for (
    const [schemas, limit, want] of [
      [[], 3, []],
      [[a], 3, [[1]]],
      [[a, a, a], 3, [[1, 2, 3]]],
      [[a, a, a, a, a], 2, [[1, 2], [3, 4], [5]]],
      [[a, b, b, a], 3, [[1], [2, 3], [4]]],
      [[a, a, b, b, b], 2, [[1, 2], [3, 4], [5]]],
    ] as const
  ) {
    const entries = schemas.map((schema, i) => entryOf(BARE, i + 1, schema));
    const groups = groupEntries(batchOf(entries), limit);
    const positions = groups.map((group) => group.entries.map(({ position }) => position));
    assert.deepEqual(positions, want);
    for (const { schema, schemaText, entries } of groups) {
      assert.equal(schemaText, SCHEMAS.get(schema));
      assert.ok(entries.every((entry) => entry.schema === schema));
    }
  }
});

Deno.test("a container says what it holds, rows that are missing between them or not", () => {
  const entries = [3, 4, 9, 11, 12].map((position) => entryOf(FULL, position));
  assert.deepEqual(
    joinContainers(batchOf(entries), 3, "null").map(({ bytes: _bytes, ...says }) => says),
    [
      { first: 3, last: 9, count: 3, schema: SCHEMA_FINGERPRINT },
      { first: 11, last: 12, count: 2, schema: SCHEMA_FINGERPRINT },
    ],
  );
});
