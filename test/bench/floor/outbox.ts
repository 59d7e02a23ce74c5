import { DatabaseSync } from "node:sqlite";
import { zstdCompressSync } from "node:zlib";
import avro from "avsc";
import { Kafka, logLevel, type Producer } from "kafkajs";
import { mendRequestQueue } from "../../../lib/outputs/kafka/request_queue.ts";
import { READING_SCHEMA } from "./reading.ts";

const CONTAINER_ROWS = 100;
/** Containers in one request: a transaction of sunspool holds about as much. */
const MESSAGES = 10;

/** Rows in SQLite that leave for a topic in containers of a hundred. */
export class Outbox {
  readonly #database: DatabaseSync;
  readonly #topic: string;
  readonly #producer: Producer;

  private constructor(database: DatabaseSync, topic: string, producer: Producer) {
    this.#database = database;
    this.#topic = topic;
    this.#producer = producer;
  }

  /** Opens the file and connects. */
  static async open(
    folder: string,
    { brokers, topic }: { readonly brokers: string; readonly topic: string },
  ): Promise<Outbox> {
    const database = openFile(folder);
    await mendRequestQueue();
    const producer = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING })
      .producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    return new Outbox(database, topic, producer);
  }

  /** Stores rows in one transaction. */
  store(payloads: readonly Uint8Array[]): void {
    storeAll(this.#database, payloads);
  }

  /** Sends what there is until nothing is left; gives how many rows that were. */
  async send(): Promise<number> {
    const select = this.#database.prepare("select id, payload from q order by id limit ?");
    const remove = this.#database.prepare("delete from q where id <= ?");
    for (let sent = 0;;) {
      const rows = select.all(CONTAINER_ROWS * MESSAGES);
      const last = rows.at(-1);
      if (!last) return sent;
      const payloads = rows.flatMap(({ payload }) => payload instanceof Uint8Array ? payload : []);
      const messages = [];
      for (let i = 0; i < payloads.length; i += CONTAINER_ROWS) {
        messages.push({ value: container(payloads.slice(i, i + CONTAINER_ROWS)) });
      }
      await this.#producer.send({ topic: this.#topic, acks: -1, messages });
      remove.run(last.id ?? 0);
      sent += rows.length;
    }
  }
}

/** The file of an outbox, made when it is not there. */
export function openFile(folder: string): DatabaseSync {
  const database = new DatabaseSync(`${folder}/floor.sqlite`);
  database.exec(`
    pragma journal_mode = wal;
    pragma synchronous = normal;
    create table if not exists q (id integer primary key, payload blob)
  `);
  return database;
}

/** Stores rows in one transaction. */
export function storeAll(database: DatabaseSync, payloads: Iterable<Uint8Array>): void {
  const insert = database.prepare("insert into q (payload) values (?)");
  database.exec("begin");
  for (const payload of payloads) insert.run(payload);
  database.exec("commit");
}

const SYNC = new Uint8Array(16).fill(7);
const LONG = avro.Type.forSchema("long");
const HEAD = headOf();

/** An object container file with one block. */
function container(payloads: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  const data = zstdCompressSync(Buffer.concat(payloads));
  return Buffer.concat([
    HEAD,
    LONG.toBuffer(payloads.length),
    LONG.toBuffer(data.length),
    data,
    SYNC,
  ]);
}

function headOf(): Uint8Array {
  const meta = avro.Type.forSchema({ type: "map", values: "bytes" }).toBuffer({
    "avro.schema": Buffer.from(JSON.stringify(READING_SCHEMA)),
    "avro.codec": Buffer.from("zstandard"),
  });
  return Buffer.concat([Buffer.from("Obj\x01"), meta, SYNC]);
}
