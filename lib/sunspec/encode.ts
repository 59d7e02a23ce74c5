import { HEADER_LENGTH, type Layout } from "./layout.ts";
import type { WireValue } from "./point_types.ts";

/**
 * Writes a model's registers: the inverse of decoding, for devices we play ourselves.
 *
 * @param valueOf the value on the wire of a point by its dotted name; null = not implemented
 * @returns (length + 2) × 2 bytes, big-endian, from the ID on
 */
export function encodeModel(layout: Layout, valueOf: (name: string) => WireValue): Uint8Array {
  const bytes = new Uint8Array((layout.length + HEADER_LENGTH) * 2);
  const view = new DataView(bytes.buffer);
  for (const { name, definition, offset, isPresent } of layout.leaves) {
    if (isPresent) definition.type.encode(view, offset * 2, definition.size, valueOf(name));
  }
  view.setUint16(0, layout.model.id);
  view.setUint16(2, layout.length);
  return bytes;
}
