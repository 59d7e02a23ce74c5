import { DatabaseSync } from "node:sqlite";
import { deflateRawSync } from "node:zlib";
import avro, { type Schema } from "avsc";
import { Kafka, logLevel } from "kafkajs";
import { mendRequestQueue } from "../../../lib/outputs/kafka/request_queue.ts";

const COMMIT_MS = 100;
const CONTAINER_ROWS = 100;
const SCHEMA: Schema = {
  type: "record",
  name: "Reading",
  fields: [
    { name: "collected_at", type: "long" },
    { name: "endpoint", type: "string" },
    { name: "values", type: { type: "array", items: "double" } },
  ],
};

/** Keeps the registers of one read. */
type Keep = (endpoint: string, registers: DataView) => void;

/** Opens SQLite and a producer; readings that are kept go through both. */
export async function openPipeline(
  folder: string,
  { brokers, topic }: { readonly brokers: string; readonly topic: string },
): Promise<Keep> {
  const type = avro.Type.forSchema(SCHEMA);
  const database = new DatabaseSync(`${folder}/floor.sqlite`);
  database.exec(
    "pragma journal_mode = wal; pragma synchronous = normal; create table q (id integer primary key, payload blob)",
  );
  const insert = database.prepare("insert into q (payload) values (?)");
  const select = database.prepare("select id, payload from q order by id limit ?");
  const remove = database.prepare("delete from q where id <= ?");
  await mendRequestQueue();
  const producer = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING })
    .producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  let fresh: Uint8Array[] = [];
  let isSending = false;

  async function send(): Promise<void> {
    isSending = true;
    for (;;) {
      const rows = select.all(CONTAINER_ROWS);
      const last = rows.at(-1);
      if (!last) break;
      const payloads = rows.flatMap(({ payload }) => payload instanceof Uint8Array ? payload : []);
      await producer.send({ topic, acks: -1, messages: [{ value: container(payloads) }] });
      remove.run(last.id ?? 0);
    }
    isSending = false;
  }

  setInterval(() => {
    if (fresh.length === 0) return;
    database.exec("begin");
    for (const payload of fresh) insert.run(payload);
    database.exec("commit");
    fresh = [];
    if (!isSending) send();
  }, COMMIT_MS);

  return (endpoint, registers) => {
    const values = Array.from(
      { length: registers.byteLength / 2 },
      (_, i) => registers.getInt16(i * 2),
    );
    fresh.push(type.toBuffer({ collected_at: Date.now() * 1000, endpoint, values }));
  };
}

const SYNC = new Uint8Array(16).fill(7);
const HEAD = headOf();

/** An object container file with one block. */
function container(payloads: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  const data = deflateRawSync(Buffer.concat(payloads));
  const long = avro.Type.forSchema("long");
  return Buffer.concat([
    HEAD,
    long.toBuffer(payloads.length),
    long.toBuffer(data.length),
    data,
    SYNC,
  ]);
}

function headOf(): Uint8Array {
  const bytes = avro.Type.forSchema({ type: "map", values: "bytes" });
  const meta = bytes.toBuffer({
    "avro.schema": Buffer.from(JSON.stringify(SCHEMA)),
    "avro.codec": Buffer.from("deflate"),
  });
  return Buffer.concat([Buffer.from("Obj\x01"), meta, SYNC]);
}
