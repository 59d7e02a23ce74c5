import assert from "node:assert/strict";
import { ProtocolError } from "../../lib/core/mod.ts";
import { readPdu } from "../../lib/modbus/frame.ts";
import { rtuRequests } from "../../lib/modbus/requests.ts";
import { crc16, encodeRtu, hasRightCrc, strictRtu } from "../../lib/modbus/rtu.ts";
import { fromHex } from "./hex.ts";

const request = {
  transactionId: 0,
  unitId: 0x11,
  pdu: readPdu({ functionCode: 3, address: 0x6b, quantity: 3 }),
};

Deno.test("frames are as others write them", () => {
  // Simply Modbus FAQ, function 3; and the check value of CRC-16/MODBUS.
  assert.equal(encodeRtu(request).toHex(), "1103006b00037687");
  assert.equal(crc16(new TextEncoder().encode("123456789")), 0x4b37);
  assert.ok(hasRightCrc(fromHex("11 03 06 AE41 5652 4340 49AD")));
  assert.ok(!hasRightCrc(fromHex("11 03 06 AE41 5652 4341 49AD")));
  assert.ok(!hasRightCrc(fromHex("11")));
});

Deno.test("over TCP a reply is taken whole and right, or the link ends", () => {
  for (
    const [name, bytes, want] of [
      ["the reply", "11 03 06 AE41 5652 4340 49AD", "0306ae4156524340"],
      ["an exception", "11 83 02 C134", "8302"],
      ["two bytes", "11 03", undefined],
      ["all but one byte", "11 03 06 AE41 5652 4340 49", undefined],
      ["another unit", "12 03 06", /unit id 18 instead of 17/],
      ["another function", "11 04 06", /function code 4 instead of 3/],
      ["another function's exception", "11 84 02", /function code 132 instead of 3/],
      ["another byte count", "11 03 04", /byte count 4 instead of 6/],
      ["a flipped bit", "11 03 06 AE41 5652 4341 49AD", /a wrong CRC/],
      ["a CRC of the other byte order", "11 03 06 AE41 5652 4340 AD49", /a wrong CRC/],
      ["a wrong exception", "11 83 03 C134", /a wrong CRC/],
      ["a byte behind it", "11 03 06 AE41 5652 4340 49AD 00", /more bytes behind it/],
      ["a byte before it", "00 11 03 06 AE41 5652 4340 49AD", /unit id 0 instead of 17/],
      ["our own request", "1103006B00037687", /byte count 0 instead of 6/],
    ] as const
  ) {
    const take = () => strictRtu.take(fromHex(bytes), request);
    if (want instanceof RegExp) {
      assert.throws(take, (e) => e instanceof ProtocolError && want.test(e.message), name);
    } else assert.equal(take()?.pdu?.toHex(), want, name);
  }
  assert.throws(() => strictRtu.take(fromHex("00"), undefined), ProtocolError);
});

Deno.test("a server finds requests between noise", () => {
  for (
    const [name, bytes, want] of [
      ["a read", "1103006B00037687", [[8, "03006b0003"]]],
      ["noise before", "00FF 1103006B00037687", [[1], [1], [8, "03006b0003"]]],
      ["half a request", "1103006B0003", []],
      ["a broken one, then a good one", "1103006B00037688 1103006B00037687", [
        ...Array(8).fill([1]),
        [8, "03006b0003"],
      ]],
      ["a write", "11 10 0001 0002 04 000A 0102 C6F0", [[13, "10000100020400 0a0102"]]],
    ] as const
  ) {
    let rest = fromHex(bytes);
    const got: unknown[] = [];
    for (let taken = rtuRequests.take(rest); taken; taken = rtuRequests.take(rest)) {
      got.push(taken.request ? [taken.end, taken.request.pdu.toHex()] : [taken.end]);
      rest = rest.slice(taken.end);
      if (rest.length === 0) break;
    }
    assert.deepEqual(got, JSON.parse(JSON.stringify(want).replaceAll(" ", "")), name);
  }
});
