import avro from "avsc";
import type { Cursor } from "./binary.ts";

const { ArrayType, EnumType, FixedType, LogicalType, MapType, RecordType } = avro.types;
const { UnwrappedUnionType, WrappedUnionType } = avro.types;

/** Types that hold no others: Apache Avro Specification 1.12, section "Primitive Types". */
const PRIMITIVES: Readonly<Record<string, (cursor: Cursor) => unknown>> = {
  null: () => undefined,
  boolean: (cursor) => cursor.take(1),
  int: (cursor) => cursor.long(),
  long: (cursor) => cursor.long(),
  float: (cursor) => cursor.take(4),
  double: (cursor) => cursor.take(8),
  bytes: (cursor) => cursor.sized(),
  string: (cursor) => cursor.sized(),
};

/**
 * Passes over one value. The Avro library believes every count it meets, and goes on making items
 * behind the end of the bytes: what is passed over first is safe to decode.
 *
 * @throws {MoreBytes} when the bytes end in mid-value
 * @throws {Error} when they are no such value
 */
export function skipValue(type: avro.Type, cursor: Cursor): void {
  const primitive = PRIMITIVES[type.typeName];
  if (primitive) primitive(cursor);
  else if (type instanceof RecordType) {
    for (const field of type.fields) skipValue(field.type, cursor);
  } else if (type instanceof LogicalType) skipValue(type.underlyingType, cursor);
  else if (type instanceof FixedType) cursor.take(type.size);
  else if (type instanceof EnumType) cursor.long();
  else if (type instanceof ArrayType) skipItems(cursor, () => skipValue(type.itemsType, cursor));
  else if (type instanceof UnwrappedUnionType || type instanceof WrappedUnionType) {
    const branch = type.types[cursor.long()];
    if (!branch) throw new Error("Cannot read a block: a union has no such branch");
    skipValue(branch, cursor);
  } else if (type instanceof MapType) {
    skipItems(cursor, () => {
      cursor.sized();
      skipValue(type.valuesType, cursor);
    });
  } else throw new Error(`Cannot read a block: unknown type "${type.typeName}"`);
}

/** Items come in blocks, each with their number before it; a block of none ends them. */
function skipItems(cursor: Cursor, skipItem: () => void): void {
  for (let count = cursor.long(); count !== 0; count = cursor.long()) {
    // A negative count is followed by the size of the block in bytes.
    if (count < 0) cursor.long();
    const items = Math.abs(count);
    if (items > cursor.left) throw new Error(`Cannot read a block: an array of ${items} items`);
    for (let i = 0; i < items; i++) skipItem();
  }
}
