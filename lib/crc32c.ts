/** Bytes that are taken in one step. */
const SLICE = 16;

/**
 * CRC-32C (Castagnoli), reflected: RFC 3720, appendix B.4. The table of `k` at 256 × k is what a byte
 * does when `k` others follow it, so that 16 bytes are looked up at once ("slicing by 16").
 */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(256 * SLICE);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f6_3b78 : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] ?? 0;
    tables[at] = before >>> 8 ^ (tables[before & 0xff] ?? 0);
  }
  return tables;
}

/** What four bytes do, the table of the last of them being at `last`. */
function lookedUp(bytes: number, last: number): number {
  return (TABLES[last | 0x300 | bytes & 0xff] ?? 0) ^
    (TABLES[last | 0x200 | bytes >>> 8 & 0xff] ?? 0) ^
    (TABLES[last | 0x100 | bytes >>> 16 & 0xff] ?? 0) ^
    (TABLES[last | bytes >>> 24] ?? 0);
}

/**
 * The checksum of some bytes, 0 ≤ result < 2^32.
 *
 * @param before that of others which stand before them
 */
export function crc32c(bytes: Uint8Array, before: number = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  let crc = ~before;
  let place = 0;
  for (; place + SLICE <= length; place += SLICE) {
    // Only the first four have to wait for what is before them.
    const others = lookedUp(view.getInt32(place + 4, true), 0x800) ^
      lookedUp(view.getInt32(place + 8, true), 0x400) ^
      lookedUp(view.getInt32(place + 12, true), 0);
    crc = others ^ lookedUp(crc ^ view.getInt32(place, true), 0xc00);
  }
  for (; place < length; place++) {
    crc = crc >>> 8 ^ (TABLES[(crc ^ view.getUint8(place)) & 0xff] ?? 0);
  }
  return ~crc >>> 0;
}

const encoder = new TextEncoder();

/** The same of a text in UTF-8. Nearly all are plain: to have those encoded takes longer. */
export function crc32cOfText(text: string, before: number = 0): number {
  let crc = ~before;
  for (let place = 0; place < text.length; place++) {
    const code = text.charCodeAt(place);
    if (code > 0x7f) return crc32c(encoder.encode(text), before);
    crc = crc >>> 8 ^ (TABLES[(crc ^ code) & 0xff] ?? 0);
  }
  return ~crc >>> 0;
}
