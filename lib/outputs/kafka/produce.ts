import type { Message } from "kafkajs";
import { batchLength, type PackedRecords, writeBatch } from "./record_batch.ts";

/** What is produced, as the library gives it to a broker. */
interface ProduceRequest {
  readonly transactionalId?: string;
  /** A number, or text of one. */
  readonly producerId?: unknown;
  readonly producerEpoch?: number;
  readonly acks: number;
  readonly timeout: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly firstSequence?: number;
      readonly messages: readonly { readonly packed?: PackedRecords }[];
    }[];
  }[];
}

/** A request as the library sends it. */
interface Protocol {
  readonly request: { readonly apiVersion: number; encode(): Promise<unknown> };
}

/** A broker of the library, as far as it is mended here. */
interface Broker {
  lookupRequest(apiKey: number, requests: unknown): (request: ProduceRequest) => Protocol;
}

/** The first version of the request whose records come in batches; up to 7 its fields are the same. */
const FIRST_VERSION = 3;

/** Messages to send for packed records: the library counts them, and looks at nothing in them. */
export function standIns(packed: PackedRecords, partition: number): Message[] {
  const standIn = { value: null, partition, packed };
  return Array.from({ length: packed.count }, () => standIn);
}

/**
 * Has kafkajs 2.2.4 send record batches that were written here, all else being its own. It writes
 * them only when the broker has the one before, copies each record three times and what comes of
 * their compression eight times, and has fresh memory for each copy.
 */
export function sendPackedRecords(): Promise<void> {
  return mended ??= mend();
}

let mended: Promise<void> | undefined;

async function mend(): Promise<void> {
  const { default: broker } = await import("kafkajs/broker");
  const { produce } = broker.prototype;
  Object.assign(broker.prototype, {
    produce(this: Broker, request: ProduceRequest) {
      const packed = request.topicData[0]?.partitions[0]?.messages[0]?.packed;
      if (!packed) return produce.call(this, request);
      const lookup = this.lookupRequest;
      this.lookupRequest = (...wanted) => (given) =>
        encodedHere(lookup(...wanted)(given), () => encode(given, packed));
      try {
        // It has been looked up when this returns.
        return produce.call(this, request);
      } finally {
        this.lookupRequest = lookup;
      }
    },
  });
}

function encodedHere(protocol: Protocol, encode: () => Uint8Array<ArrayBuffer>): Protocol {
  const { apiVersion } = protocol.request;
  if (apiVersion < FIRST_VERSION) {
    throw new Error(`Cannot send record batches: the broker takes version ${apiVersion} only`);
  }
  const { Buffer } = globalThis.process.getBuiltinModule("node:buffer");
  protocol.request.encode = () => {
    const buffer = Buffer.from(encode().buffer);
    // What the library takes from its encoders.
    return Promise.resolve({ buf: buffer, buffer });
  };
  return protocol;
}

/** Produce Request of one partition, versions 3 to 7: https://kafka.apache.org/protocol. */
function encode(request: ProduceRequest, packed: PackedRecords): Uint8Array<ArrayBuffer> {
  const { transactionalId, producerId, producerEpoch, acks, timeout, topicData } = request;
  const [data] = topicData;
  const { partition = 0, firstSequence = 0 } = data?.partitions[0] ?? {};
  const text = new TextEncoder();
  const id = text.encode(transactionalId);
  const topic = text.encode(data?.topic);
  const bytes = new Uint8Array(FIXED_BYTES + id.length + topic.length + batchLength(packed));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const int16 = (value: number) => (view.setInt16(at, value), at += 2);
  const int32 = (value: number) => (view.setInt32(at, value), at += 4);
  const raw = (value: Uint8Array) => (bytes.set(value, at), at += value.length);
  int16(transactionalId === undefined ? -1 : id.length);
  raw(id);
  int16(acks);
  int32(timeout);
  int32(1);
  int16(topic.length);
  raw(topic);
  int32(1);
  int32(partition);
  int32(batchLength(packed));
  writeBatch(bytes.subarray(at), packed, {
    isTransactional: transactionalId !== undefined,
    producerId: BigInt(String(producerId ?? -1)),
    producerEpoch: producerEpoch ?? 0,
    firstSequence,
    now: Date.now(),
  });
  return bytes;
}

/** Bytes of a request beside its texts and its batch. */
const FIXED_BYTES = 26;
