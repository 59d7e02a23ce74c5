import assert from "node:assert/strict";
import {
  compileLayout,
  encodeModel,
  type Leaf,
  lengthOf,
  wireValue,
} from "../../lib/sunspec/mod.ts";
import { anyImage } from "../conformance/images.ts";
import { Chance } from "../modbus/chance.ts";
import { fromHex } from "../modbus/hex.ts";
import { allPublished, published } from "./published.ts";

Deno.test("encodeModel() writes ID, L and every point, and marks the rest as not implemented", async () => {
  const layout = compileLayout(await published(160), 28, () => undefined);
  const values = new Map<string, string | number | null>([
    ["DCA_SF", -2],
    ["Evt", 1],
    ["N", 1],
    ["module[0].IDStr", "West"],
    ["module[0].DCW", 3600],
    ["module[0].DCWH", 70_000],
    ["ID", 7],
    ["L", 7],
  ]);
  assert.deepEqual(
    encodeModel(layout, (name) => values.get(name) ?? null),
    fromHex(
      "00A0 001C FFFE 8000 8000 8000 00000001 0001 FFFF" +
        "FFFF 57657374000000000000000000000000 FFFF FFFF 0E10 00011170 FFFFFFFF 8000 FFFF FFFFFFFF",
    ),
  );
});

/** Registers of one point as a device could send them, in the one spelling each value has. */
function anyRegisters({ definition: { typeName, size } }: Leaf, chance: Chance): Uint8Array {
  if (typeName === "string") {
    const bytes = new Uint8Array(size * 2);
    const length = chance.below(bytes.length + 1);
    return bytes.map((_, i) => i < length ? 33 + chance.below(94) : 0);
  }
  const bytes = chance.bytes(size * 2);
  if (typeName === "eui48") return bytes.fill(0, 0, 2).fill(2, 2, 3);
  if (/^float/.test(typeName)) return bytes.fill(chance.below(0x70), 0, 1);
  return chance.next() < 0.2 ? bytes.fill(chance.of(0, 0xff)) : bytes;
}

Deno.test("encode(decode(image)) is the image, for every published model", async () => {
  const chance = new Chance();
  let round = 0;
  for (const definition of await allPublished()) {
    for (const groups of [0, 1, 2, 3]) {
      try {
        const layout = compileLayout(definition, lengthOf(definition, groups), () => groups);
        const image = new Uint8Array((layout.length + 2) * 2);
        for (const leaf of layout.leaves) image.set(anyRegisters(leaf, chance), leaf.offset * 2);
        const view = new DataView(image.buffer);
        view.setUint16(0, definition.id);
        view.setUint16(2, layout.length);
        const values = new Map(layout.leaves.map((leaf) => [leaf.name, wireValue(leaf, view)]));
        assert.equal(values.size, layout.leaves.length);
        const written = encodeModel(layout, (name) => values.get(name) ?? null);
        assert.equal(written.toHex(), image.toHex(), `model ${definition.id}`);
      } catch (cause) {
        throw chance.failure(round, cause);
      }
      round++;
    }
  }
});

/** Registers that say in one of several ways what they say: another one may be written for them. */
const SAID_OTHERWISE: Readonly<Record<string, (bytes: Uint8Array) => boolean>> = {
  // Any NaN is the mark, and an infinity no value.
  float32: (bytes) => !Number.isFinite(new DataView(bytes.buffer).getFloat32(0)),
  // Trailing NULs and blanks say nothing, nor does what stands behind a leading NUL.
  string: (bytes) =>
    bytes[0] === 0 || !isUtf8(bytes) || /\s\0*$/.test(new TextDecoder().decode(bytes)),
  // Six bytes of eight count; six zeros are no address.
  eui48: (bytes) => bytes[0] !== 0 || bytes[1] !== 0 || bytes.every((byte) => byte === 0),
};

function isUtf8(bytes: Uint8Array): boolean {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes) !== undefined;
  } catch {
    return false;
  }
}

Deno.test("encode(decode(image)) changes no register but those that say it in several ways", async () => {
  const chance = new Chance();
  for (const definition of await allPublished()) {
    for (let round = 0; round < 10; round++) {
      const { layout, bytes } = anyImage(definition, chance);
      const view = new DataView(bytes.buffer);
      const values = new Map(layout.leaves.map((leaf) => [leaf.name, wireValue(leaf, view)]));
      const written = encodeModel(layout, (name) => values.get(name) ?? null);
      for (const { name, offset, isPresent, definition: { typeName, size } } of layout.leaves) {
        if (!isPresent) continue;
        const [before, after] = [bytes, written].map((image) =>
          image.slice(offset * 2, (offset + size) * 2)
        );
        assert.ok(before && after);
        if (before.toHex() === after.toHex()) continue;
        const why = `${definition.id}.${name} ${before.toHex()} became ${after.toHex()}`;
        assert.ok(SAID_OTHERWISE[typeName]?.(before), `${why}, seed ${chance.seed}`);
      }
    }
  }
});
