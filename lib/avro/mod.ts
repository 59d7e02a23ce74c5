/**
 * Avro: the schema of a reading, encoding, and object container files.
 *
 * @module
 */
export {
  type Block,
  type Codec,
  type ContainerHeader,
  decodeBlock,
  decodeHeader,
  encodeBlock,
  encodeHeader,
  newSync,
} from "./container.ts";
export { ContainerDecoder, type DecodedRecord, records, toJson } from "./decode.ts";
export { type EncodedBody, encodeReading, eventReading, gapReading } from "./encode.ts";
export {
  type Container,
  type EntryGroup,
  groupEntries,
  joinContainers,
  joinRecords,
} from "./join.ts";
export { PlaceReader, type RecordPlace } from "./place.ts";
export { SCHEMA_FINGERPRINT, SCHEMA_TEXT } from "./schema.ts";
