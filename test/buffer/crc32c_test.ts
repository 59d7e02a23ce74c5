import assert from "node:assert/strict";
import { crc32c, crc32cOfText } from "../../lib/crc32c.ts";
import { fromHex } from "../modbus/hex.ts";

Deno.test("crc32c() gives the answers of RFC 3720, appendix B.4", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
  const readCommand = fromHex(
    "01c00000 00000000 00000000 00000000 14000000 00000400 00000014 00000018 28000000 00000000" +
      "02000000 00000000",
  );
  for (
    const [what, bytes, want] of [
      ["nothing", new Uint8Array(0), 0x0000_0000],
      ["zeros", new Uint8Array(32), 0x8a91_36aa],
      ["ones", new Uint8Array(32).fill(0xff), 0x62a8_ab43],
      ["incrementing", ascending, 0x46dd_794e],
      ["decrementing", ascending.toReversed(), 0x113f_db5c],
      ["an iSCSI read command", readCommand, 0xd996_3a56],
      ["123456789", new TextEncoder().encode("123456789"), 0xe306_9283],
    ] as const
  ) {
    assert.equal(crc32c(bytes), want, what);
  }
});

Deno.test("crc32c() of any piece of an array is what its bits give one by one", () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i * 37 + 11);
  for (let first = 0; first < 9; first++) {
    for (let end = first; end <= bytes.length; end++) {
      const piece = bytes.subarray(first, end);
      assert.equal(crc32c(piece), bitByBit(piece), `${first} to ${end}`);
    }
  }
});

Deno.test("crc32cOfText() is that of the text in UTF-8", () => {
  const texts = [
    "",
    "123456789",
    '["sunspec.telemetry",1795659571000,"",1,null,7]',
    "Süd",
    "\u007f\u0080",
  ];
  for (const text of [...texts, "on the roof: ☀️", "a half \ud83d"]) {
    assert.equal(crc32cOfText(text), bitByBit(new TextEncoder().encode(text)), text);
  }
});

function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f6_3b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
