import assert from "node:assert/strict";
import fc from "fast-check";
import Broker from "kafkajs/broker";
import { KafkaClient } from "../../../lib/outputs/kafka/client.ts";
import { standIns } from "../../../lib/outputs/kafka/produce.ts";
import { packRecords } from "../../../lib/outputs/kafka/record_batch.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const NOBODY = { brokers: [], clientId: "", timeoutMs: 1000, tls: undefined, sasl: undefined };
const NOW = 1_795_640_000_000;

/** What a broker of the library's, mended, sends when it is to produce. */
async function sentBy(request: object, version = 7): Promise<Uint8Array> {
  await KafkaClient.create(NOBODY, () => {});
  const sent = Promise.withResolvers<Uint8Array>();
  const broker = Object.assign(Object.create(Broker.prototype), {
    lookupRequest: (_: number, requests: { protocol(which: object): unknown }) =>
      requests.protocol({ version }),
    connectionPool: {
      async send({ request }: { request: { encode(): Promise<{ buffer: Uint8Array }> } }) {
        sent.resolve((await request.encode()).buffer);
      },
    },
  });
  await broker.produce(request);
  return await sent.promise;
}

const records = fc.array(
  fc.record({
    key: fc.string({ unit: "binary" }),
    value: fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 0, max: 70_000 }).map((length) => new Uint8Array(length).fill(7)),
    ),
    headers: fc.record({ collector: fc.string({ unit: "binary" }), first: fc.string() }),
  }),
  { minLength: 1, maxLength: 70 },
);

const senders = fc.record({
  transactionalId: fc.option(fc.string({ unit: "binary", minLength: 1, maxLength: 50 }), {
    nil: undefined,
  }),
  producerId: fc.bigInt({ min: 0n, max: 2n ** 62n }).map(String),
  producerEpoch: fc.nat(32_767),
  acks: fc.constantFrom(-1, 0, 1),
  timeout: fc.nat(600_000),
});

const places = fc.record({
  partition: fc.nat(100),
  firstSequence: fc.nat(2 ** 31 - 1),
  topic: fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 249 }),
});

Deno.test("what is packed here goes as the library would have written it, byte by byte", async () => {
  const { now } = Date;
  Date.now = () => NOW;
  using _clock = { [Symbol.dispose]: () => Date.now = now };
  const compressions = fc.constantFrom(0, 1, 4);
  await fc.assert(
    fc.asyncProperty(
      records,
      senders,
      places,
      compressions,
      async (records, sender, place, code) => {
        const { topic, ...where } = place;
        const produced = (messages: readonly object[]) =>
          sentBy({
            ...sender,
            compression: code,
            topicData: [{ topic, partitions: [{ ...where, messages }] }],
          });
        const theirs = records.map((record) => ({ ...record, value: buffer(record.value) }));
        const packed = packRecords(records, code);
        assert.deepEqual(
          new Uint8Array(await produced(standIns(packed, where.partition))),
          new Uint8Array(await produced(theirs)),
        );
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("a broker that knows no record batches is sent nothing", async () => {
  const packed = packRecords([{ key: "k", value: new Uint8Array(1), headers: {} }], 0);
  const messages = standIns(packed, 0);
  const topicData = [{ topic: "t", partitions: [{ partition: 0, messages }] }];
  await assert.rejects(sentBy({ topicData }, 2), /takes version 2 only/);
});

Deno.test("what no broker could read is not packed", () => {
  assert.throws(() => packRecords([], 3), /there is no code 3/);
});

function buffer(bytes: Uint8Array) {
  return globalThis.process.getBuiltinModule("node:buffer").Buffer.from(bytes);
}
