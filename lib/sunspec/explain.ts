import type { Explanation } from "../core/mod.ts";
import { decodeValue, rawJson, wireValue } from "./decode.ts";
import type { Leaf } from "./layout.ts";
import type { ModelRead } from "./model_read.ts";
import type { ModelPlace } from "./walk.ts";

/** How a point's value came about: where it stands, what stood there, what was made of it. */
export function explain(
  leaf: Leaf,
  { address }: ModelPlace,
  read: Pick<ModelRead, "image" | "isRead">,
): Explanation {
  const { image } = read;
  const { scale, offset, definition } = leaf;
  const isRead = leaf.isPresent && read.isRead(leaf);
  const factor = typeof scale === "object" ? wireValue(scale, image) : scale ?? null;
  return {
    address: address + offset,
    registers: isRead ? words(image, offset, definition.size) : null,
    type: definition.typeName,
    raw: rawJson(leaf, image),
    scale_factor: typeof factor === "bigint" ? Number(factor) : factor,
    scale_factor_address: typeof scale === "object" ? address + scale.offset : null,
    symbol: symbolOf(leaf, image),
  };
}

/** Registers as hex, the one with the lowest address first. */
export function words(image: DataView, offset: number, quantity: number): string {
  return Array.from(
    { length: quantity },
    (_, i) => image.getUint16((offset + i) * 2).toString(16).padStart(4, "0"),
  ).join(" ");
}

function symbolOf(leaf: Leaf, image: DataView): string | readonly string[] | null {
  const { kind } = leaf.definition.type;
  if (kind !== "enum" && kind !== "bitfield") return null;
  const { shown } = decodeValue(leaf, image);
  return typeof shown === "number" ? null : shown;
}
