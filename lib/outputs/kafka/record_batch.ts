import { Writer } from "../../avro/writer.ts";
import { crc32c } from "../../crc32c.ts";

/** A record that is to be written. */
export interface NewRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** Records of one batch, compressed; who sends them, and when, is still to come. */
export interface PackedRecords {
  readonly count: number;
  /** The code of the compression: attributes bits 0–2. */
  readonly compression: number;
  readonly bytes: Uint8Array;
}

/** What a batch says of its producer. */
export interface BatchSender {
  readonly isTransactional: boolean;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  /** When it is sent, Unix milliseconds. */
  readonly now: number;
}

const zlib = () => globalThis.process.getBuiltinModule("node:zlib");

/** By code; each gives bytes of its own. */
const COMPRESS: Readonly<Record<number, (records: Uint8Array) => Uint8Array>> = {
  0: (records) => records.slice(),
  1: (records) => zlib().gzipSync(records),
  4: (records) => zlib().zstdCompressSync(records),
};

/** Those of all batches, one after the other. */
const [records, ends] = [new Writer(), new Writer()];

/**
 * Writes records and compresses them: "Record", https://kafka.apache.org/documentation/#record. Its
 * numbers are written as Avro's are.
 *
 * @throws {Error} there is no such compression
 */
export function packRecords(all: readonly NewRecord[], compression: number): PackedRecords {
  const compress = COMPRESS[compression];
  if (!compress) throw new Error(`Cannot compress records: there is no code ${compression}`);
  records.begin();
  for (const [offset, record] of all.entries()) writeRecord(record, offset);
  return { count: all.length, compression, bytes: compress(records.lent()) };
}

function writeRecord({ key, value, headers }: NewRecord, offset: number): void {
  ends.begin();
  // No attributes; as late as the batch.
  ends.long(0);
  ends.long(0);
  ends.long(offset);
  ends.string(key);
  ends.long(value.length);
  const head = ends.taken();
  ends.begin();
  const pairs = Object.entries(headers);
  ends.long(pairs.length);
  for (const text of pairs.flat()) ends.string(text);
  const tail = ends.taken();
  records.long(head.length + value.length + tail.length);
  for (const part of [head, value, tail]) records.raw(part);
}

const MAGIC = 2;
/** Attributes bit 4. */
const TRANSACTIONAL = 1 << 4;
/** Bytes before the records; what the length counts, and the checksum covers, begins among them. */
const [COUNTED, CHECKED, HEADER_BYTES] = [12, 21, 61];

/** How many bytes the batch of packed records has. */
export function batchLength({ bytes }: PackedRecords): number {
  return HEADER_BYTES + bytes.length;
}

/**
 * Writes the batch of packed records: "Record Batch", https://kafka.apache.org/documentation/#recordbatch.
 *
 * @param to as many bytes as it has, all of them 0
 */
export function writeBatch(to: Uint8Array, packed: PackedRecords, sender: BatchSender): void {
  const { isTransactional, producerId, producerEpoch, firstSequence, now } = sender;
  const view = new DataView(to.buffer, to.byteOffset, to.byteLength);
  view.setInt32(8, to.length - COUNTED);
  view.setInt8(16, MAGIC);
  view.setInt16(CHECKED, packed.compression | (isTransactional ? TRANSACTIONAL : 0));
  view.setInt32(23, packed.count - 1);
  view.setBigInt64(27, BigInt(now));
  view.setBigInt64(35, BigInt(now));
  view.setBigInt64(43, producerId);
  view.setInt16(51, producerEpoch);
  view.setInt32(53, firstSequence);
  view.setInt32(57, packed.count);
  to.set(packed.bytes, HEADER_BYTES);
  view.setUint32(17, crc32c(to.subarray(CHECKED)));
}
