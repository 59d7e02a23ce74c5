import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, encodeLong, withLength } from "../../lib/avro/binary.ts";
import {
  type Codec,
  ContainerDecoder,
  decodeHeader,
  encodeBlock,
  encodeHeader,
  joinContainers,
  joinRecords,
  newSync,
  SCHEMA_TEXT,
  toJson,
} from "../../lib/avro/mod.ts";
import { batchOf, entryOf } from "./sample_batch.ts";
import { BARE, FULL, plain, recordOf } from "./sample_readings.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const CODECS: readonly Codec[] = ["null", "deflate", "zstandard"];

/** A container of three blocks with two records each. */
function threeBlocks(codec: Codec, sync: Uint8Array = newSync()): Uint8Array {
  const blocks = [1, 3, 5].map((first) => {
    const entries = [entryOf(FULL, first), entryOf(BARE, first + 1)];
    return encodeBlock(2, joinRecords(batchOf([]), entries), codec, sync);
  });
  return concat([encodeHeader(SCHEMA_TEXT, codec, sync), ...blocks]);
}

const RECORDS = [1, 2, 3, 4, 5, 6].map((position) =>
  recordOf({ ...batchOf([]), position }, position % 2 === 1 ? FULL : BARE)
);

/** Everything a decoder gives for some pieces, and the error it ends with. */
function decode(...pieces: readonly Uint8Array[]) {
  const decoder = new ContainerDecoder();
  const records: unknown[] = [];
  let error: unknown;
  try {
    for (const piece of pieces) for (const record of decoder.push(piece)) records.push(record);
  } catch (thrown) {
    assert.ok(thrown instanceof Error);
    error = thrown;
  }
  return { records: records.map(plain), error, pending: decoder.pending, decoder };
}

Deno.test("a decoder gives the same records however the bytes arrive", () => {
  for (const codec of CODECS) {
    const bytes = threeBlocks(codec);
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
    for (const { records, error, pending } of [decode(bytes), decode(...pieces)]) {
      assert.deepEqual([records, error, pending], [RECORDS, undefined, 0], codec);
    }
    fc.assert(fc.property(fc.array(fc.nat(bytes.length), { maxLength: 5 }), (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const parts = edges.slice(1).map((edge, i) => bytes.slice(edges[i], edge));
      assert.deepEqual(decode(...parts).records, RECORDS);
    }));
  }
});

Deno.test("records come as soon as their block is whole, and a torn rest stays pending", () => {
  for (const codec of CODECS) {
    const bytes = threeBlocks(codec);
    const ends = blockEnds(bytes);
    for (let length = 0; length <= bytes.length; length++) {
      const { records, error, pending, decoder } = decode(bytes.slice(0, length));
      const whole = ends.filter((end) => end <= length).length - 1;
      assert.equal(error, undefined);
      assert.equal(decoder.hasHeader, whole >= 0);
      assert.deepEqual(records, RECORDS.slice(0, Math.max(whole, 0) * 2));
      assert.equal(pending, whole < 0 ? length : length - Number(ends[whole]));
    }
  }
});

/** Where the header and each block end: they all do so with the sync marker. */
function blockEnds(bytes: Uint8Array): number[] {
  const sync = decodeHeader(bytes)?.sync.toHex() ?? "";
  const ends: number[] = [];
  for (let end = 16; end <= bytes.length; end++) {
    if (bytes.slice(end - 16, end).toHex() === sync) ends.push(end);
  }
  assert.equal(ends.length, 4);
  return ends;
}

Deno.test("what is no container is refused, and says why", () => {
  const sync = new Uint8Array(16);
  const header = (schema: string) => encodeHeader(schema, "null", sync);
  const block = (count: number, data: Uint8Array) =>
    concat([header(SCHEMA_TEXT), encodeBlock(count, data, "null", sync)]);
  const record = joinRecords(batchOf([]), [entryOf(FULL, 1)]);
  const text = new TextEncoder();
  const withCodec = concat([
    text.encode("Obj\x01"),
    encodeLong(1),
    withLength(text.encode("avro.codec")),
    withLength(text.encode("snappy")),
    encodeLong(0),
    sync,
  ]);
  for (
    const [what, bytes, why] of [
      ["a text", text.encode("hello"), /does not begin with Obj/],
      ["an older format", text.encode("Obj\x00"), /does not begin with Obj/],
      ["an unknown codec", withCodec, /unknown codec "snappy"/],
      [
        "a schema that is none",
        concat([header("{"), encodeBlock(1, sync, "null", sync)]),
        /its schema is none/,
      ],
      [
        "another sync marker",
        concat([header(SCHEMA_TEXT), encodeBlock(1, record, "null", newSync())]),
        /sync marker/,
      ],
      ["fewer records than told", block(2, record), /ends in mid-record/],
      [
        "more records than told",
        block(1, concat([record, record])),
        /bytes behind its last record/,
      ],
      ["more records than bytes", block(1e15, record), /1000000000000000 records in/],
      ["records below none", block(-1, record), /-1 records/],
      [
        "metadata of endless length",
        concat([text.encode("Obj\x01"), encodeLong(1), encodeLong(2 ** 52)]),
        /a text of/,
      ],
    ] as const
  ) {
    const { error } = decode(bytes);
    assert.match(String(error), why, what);
  }
});

Deno.test("a compressed block that is no such is refused", () => {
  const sync = newSync();
  for (const codec of ["deflate", "zstandard"] as const) {
    const rubbish = encodeBlock(1, new Uint8Array(50).fill(0xee), "null", sync);
    const { records, error } = decode(concat([encodeHeader(SCHEMA_TEXT, codec, sync), rubbish]));
    assert.ok(error instanceof Error, codec);
    assert.deepEqual(records, []);
  }
});

Deno.test("counts within a record that go beyond its bytes are refused at once", () => {
  const sync = newSync();
  for (
    const [schema, data] of [
      [{ type: "array", items: "long" }, encodeLong(2 ** 50)],
      [{ type: "array", items: "null" }, encodeLong(2 ** 50)],
      [{ type: "map", values: "long" }, encodeLong(-(2 ** 50))],
      ["string", encodeLong(2 ** 40)],
      [["null", "long"], encodeLong(7)],
    ] as const
  ) {
    const block = encodeBlock(1, concat([data, new Uint8Array(3)]), "null", sync);
    const { error } = decode(concat([encodeHeader(JSON.stringify(schema), "null", sync), block]));
    assert.match(String(error), /^Error: Cannot read a (block|container): /);
  }
});

Deno.test("every kind of type is read", () => {
  const sync = newSync();
  const schema = {
    type: "record",
    name: "Everything",
    fields: [
      { name: "flag", type: "boolean" },
      { name: "int", type: "int" },
      { name: "float", type: "float" },
      { name: "double", type: "double" },
      { name: "fixed", type: { type: "fixed", name: "Two", size: 2 } },
      { name: "word", type: { type: "enum", name: "Word", symbols: ["A", "B"] } },
      { name: "list", type: { type: "array", items: "int" } },
      { name: "table", type: { type: "map", values: "string" } },
      { name: "one", type: ["null", "bytes"] },
      { name: "same", type: ["int", "long"] },
    ],
  };
  const data = Uint8Array.fromHex(
    "01 04 0000803f 000000000000f03f abcd 02 04020400 0202610262 00 0204beef 0208"
      .replaceAll(" ", ""),
  );
  const block = encodeBlock(1, data, "null", sync);
  const [record] =
    decode(concat([encodeHeader(JSON.stringify(schema), "null", sync), block])).records;
  assert.deepEqual(record, {
    flag: true,
    int: 2,
    float: 1,
    double: 1,
    fixed: "abcd",
    word: "B",
    list: [1, 2],
    table: { a: "b" },
    one: "beef",
    same: { long: 4 },
  });
});

Deno.test("any rubbish gives an error or asks for more, and whole blocks before it are right", () => {
  const damage = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
      const bytes = threeBlocks("deflate", SYNC);
      const [header = 0] = blockEnds(bytes);
      const at = damages.map(([place]) => header + place % (bytes.length - header));
      for (const [i, [, mask]] of damages.entries()) {
        const place = at[i] ?? 0;
        bytes[place] = (bytes[place] ?? 0) ^ mask;
      }
      const { records } = decode(bytes);
      const whole = BLOCK_ENDS.filter((end) => end <= Math.min(...at)).length - 1;
      assert.deepEqual(records.slice(0, whole * 2), RECORDS.slice(0, whole * 2));
    }),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assert.deepEqual(decode(bytes).records, []);
  }));
});

const SYNC = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 - i);
const BLOCK_ENDS = blockEnds(threeBlocks("deflate", SYNC));

Deno.test("bytes in JSON are hexadecimal digits", () => {
  const [container] = joinContainers(batchOf([entryOf(FULL, 1)]), 1, "null");
  assert.ok(container);
  const [record] = [...new ContainerDecoder().push(container.bytes)];
  assert.match(JSON.stringify(record, toJson), /"registers":"00670032ffff"/);
});
