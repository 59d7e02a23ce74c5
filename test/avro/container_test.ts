import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { inflateRaw, zstdDecompressSync } from "node:zlib";
import avro from "avsc";
import {
  type Codec,
  decodeHeader,
  encodeHeader,
  joinContainers,
  SCHEMA_TEXT,
} from "../../lib/avro/mod.ts";
import { runOrThrow } from "../../scripts/services.ts";
import { serviceTest } from "../services.ts";
import { batchOf, entryOf } from "./sample_batch.ts";
import { BARE, FULL, plain, recordOf } from "./sample_readings.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const CODECS: readonly Codec[] = ["null", "deflate", "zstandard"];
const READINGS = [FULL, BARE, FULL];
const BATCH = batchOf(READINGS.map((reading, i) => entryOf(reading, i + 7)));
const RECORDS = READINGS.map((reading, i) => recordOf({ ...BATCH, position: i + 7 }, reading));

function containerOf(codec: Codec): Uint8Array<ArrayBuffer> {
  const [container] = joinContainers(BATCH, 100, codec);
  assert.ok(container);
  return Uint8Array.from(container.bytes);
}

/** The same, with more in its head. */
function containerWithMore(codec: Codec): Uint8Array<ArrayBuffer> {
  const bytes = containerOf(codec);
  const { sync, end = 0 } = decodeHeader(bytes) ?? {};
  assert.ok(sync);
  const head = encodeHeader(SCHEMA_TEXT, codec, sync, { "sunspool.incarnation": "an id" });
  return Uint8Array.from([...head, ...bytes.subarray(end)]);
}

/** Everything that avsc's own reader of container files finds. */
async function readByAvsc(bytes: Uint8Array): Promise<{ schema: unknown; records: unknown[] }> {
  const decoder = new avro.streams.BlockDecoder({
    codecs: {
      null: (data, done) => done(null, data),
      deflate: (data, done) => inflateRaw(data, done),
      zstandard: (data, done) => done(null, zstdDecompressSync(data)),
    },
  });
  let schema: unknown;
  const records: unknown[] = [];
  decoder.on("metadata", (type: avro.Type) => schema = type.schema());
  decoder.on("data", (record: unknown) => records.push(record));
  decoder.end(Buffer.from(bytes));
  await once(decoder, "end");
  return { schema, records };
}

for (const codec of CODECS) {
  Deno.test(`avsc reads a container whose codec is ${codec}`, async () => {
    for (const container of [containerOf(codec), containerWithMore(codec)]) {
      const { schema, records } = await readByAvsc(container);
      const type = avro.Type.forSchema(JSON.parse(SCHEMA_TEXT));
      assert.deepEqual(schema, type.schema());
      assert.deepEqual(records.map(plain), RECORDS);
    }
  });
}

/**
 * Prints the schema's name, the codec and the records of a container file. fastavro brings no zstd;
 * cramjam's goes where the package it would look for registers its own.
 */
const PROGRAM = `
import cramjam, fastavro, io, json, sys
def zstandard(file):
    length = fastavro.schemaless_reader(file, "long")
    return io.BytesIO(bytes(cramjam.zstd.decompress(file.read(length))))
fastavro._read.BLOCK_READERS["zstandard"] = zstandard
def tell(value):
    if isinstance(value, bytes): return value.hex()
    return value.timestamp() if hasattr(value, "timestamp") else str(value)
with open(sys.argv[1], "rb") as file:
    reader = fastavro.reader(file)
    said = [reader.writer_schema["name"], reader.codec, list(reader)]
    print(json.dumps(said, default=tell))
`;

for (const codec of CODECS) {
  serviceTest(
    `fastavro reads a container whose codec is ${codec}`,
    ["python"],
    async ({ python }) => {
      const file = await Deno.makeTempFile({ suffix: ".avro" });
      try {
        await Deno.writeFile(file, containerWithMore(codec));
        const [name, told, records] = JSON.parse(await runOrThrow(python, ["-c", PROGRAM, file]));
        assert.deepEqual([name, told], ["sunspool.Reading", codec]);
        // fastavro makes dates of timestamps: seconds here.
        const want = RECORDS.map((record) => ({
          ...record,
          collected_at: record.collected_at / 1_000_000,
        }));
        assert.deepEqual(records, want);
      } finally {
        await Deno.remove(file);
      }
    },
  );
}

Deno.test("each container has a sync marker of its own", () => {
  const syncs = Array.from({ length: 4 }, () => containerOf("null").slice(-16).toHex());
  assert.equal(new Set(syncs).size, 4);
});
