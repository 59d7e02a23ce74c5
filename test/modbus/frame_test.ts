import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../../lib/core/mod.ts";
import {
  checkReply,
  decodeFrame,
  describeRead,
  encodeFrame,
  exceptionOf,
  frameEnd,
  readPdu,
} from "../../lib/modbus/frame.ts";
import { fromHex } from "./hex.ts";

Deno.test("readPdu() writes the request of the Application Protocol, section 6.3", () => {
  for (
    const [functionCode, address, quantity, want] of [
      [3, 0x006b, 3, "03 006B 0003"],
      [4, 0x0008, 1, "04 0008 0001"],
      [3, 40_000, 125, "03 9C40 007D"],
      [3, 0xffff, 1, "03 FFFF 0001"],
    ] as const
  ) {
    assert.deepEqual(readPdu({ functionCode, address, quantity }), fromHex(want));
  }
});

Deno.test("encodeFrame() and decodeFrame() are each other's inverse", () => {
  const frame = { transactionId: 0x1501, unitId: 0xff, pdu: fromHex("03 006B 0003") };
  const bytes = fromHex("1501 0000 0006 FF 03 006B 0003");
  assert.deepEqual(encodeFrame(frame), bytes);
  assert.deepEqual(decodeFrame(bytes), frame);
  const pdu = fc.uint8Array({ minLength: 2, maxLength: 253 });
  const any = fc.record({ transactionId: fc.nat(0xffff), unitId: fc.nat(0xff), pdu }, {
    noNullPrototype: true,
  });
  fc.assert(fc.property(any, (frame) => {
    const bytes = encodeFrame(frame);
    assert.equal(frameEnd(bytes), bytes.length);
    assert.deepEqual(decodeFrame(bytes), frame);
    const earlier = bytes.map((byte) => ~byte);
    assert.equal(encodeFrame(frame, earlier), earlier);
    assert.deepEqual(earlier, bytes);
    assert.deepEqual(encodeFrame(frame, new Uint8Array(bytes.length + 1)), bytes);
  }));
});

Deno.test("frameEnd() finds the end of the first frame, or wants more bytes", () => {
  for (
    const [bytes, want] of [
      ["", undefined],
      ["12", undefined],
      ["1234 00", undefined],
      ["1234 0000 00", undefined],
      ["1234 0000 0003", undefined],
      ["1234 0000 0003 01 83", undefined],
      ["1234 0000 0003 01 83 02", 9],
      ["1234 0000 0003 01 83 02 FF FF FF FF", 9],
      [`1234 0000 00FE ${"00".repeat(254)}`, 260],
    ] as const
  ) {
    assert.equal(frameEnd(fromHex(bytes)), want, bytes);
  }
});

Deno.test("frameEnd() throws as soon as no frame begins so", () => {
  for (
    const [bytes, why] of [
      ["1234 0001", "protocol id 1 instead of 0"],
      ["1234 4242 0007 01 03", "protocol id 16962 instead of 0"],
      ["1234 0000 0000", "length 0 is not within 3–254"],
      ["1234 0000 0002", "length 2 is not within 3–254"],
      ["1234 0000 00FF", "length 255 is not within 3–254"],
      ["1234 0000 FFFF", "length 65535 is not within 3–254"],
    ] as const
  ) {
    assert.throws(
      () => frameEnd(fromHex(bytes)),
      (error) => error instanceof ProtocolError && error.message.includes(why),
      bytes,
    );
  }
});

Deno.test("checkReply() accepts what answers the request, and nothing else", () => {
  const request = { unitId: 0x11, pdu: readPdu({ functionCode: 3, address: 0x6b, quantity: 3 }) };
  for (
    const [unitId, pdu, fault] of [
      [0x11, "03 06 022B 0000 0064", undefined],
      [0x11, "83 02", undefined],
      [0x11, "83 00", undefined],
      [0x12, "03 06 022B 0000 0064", "unit id 18 instead of 17"],
      [0x12, "83 02", "unit id 18 instead of 17"],
      [0x11, "04 06 022B 0000 0064", "function code 4 instead of 3"],
      [0x11, "84 02", "function code 132 instead of 3"],
      [0x11, "00 06", "function code 0 instead of 3"],
      [0x11, "83 02 00", "an exception of 3 bytes instead of 2"],
      [0x11, "03 04 022B 0000 0064", "byte count 4 instead of 6"],
      [0x11, "03 07 022B 0000 0064", "byte count 7 instead of 6"],
      [0x11, "03 06 022B 0000", "4 data bytes with byte count 6"],
      [0x11, "03 06 022B 0000 0064 00", "7 data bytes with byte count 6"],
      [0x11, "03 06", "0 data bytes with byte count 6"],
    ] as const
  ) {
    const check = () => checkReply(request, { transactionId: 1, unitId, pdu: fromHex(pdu) });
    if (fault === undefined) {
      check();
      continue;
    }
    assert.throws(
      check,
      (error) => error instanceof ProtocolError && error.message.includes(fault),
      pdu,
    );
  }
});

Deno.test("exceptionOf() names the code and what was asked", () => {
  const request = { functionCode: 4, address: 30_000, quantity: 2 } as const;
  assert.equal(describeRead(7, request), "2 input registers at 30000 of unit 7");
  assert.equal(exceptionOf(fromHex("04 04 0000 0000"), 7, request), undefined);
  for (
    const [pdu, code, meaning] of [
      ["84 01", 1, "illegal function"],
      ["84 02", 2, "illegal data address"],
      ["84 03", 3, "illegal data value"],
      ["84 04", 4, "server device failure"],
      ["84 06", 6, "server device busy"],
      ["84 0B", 11, "gateway target device failed to respond"],
      ["84 00", 0, "unknown"],
      ["84 FF", 255, "unknown"],
    ] as const
  ) {
    const exception = exceptionOf(fromHex(pdu), 7, request);
    assert.equal(exception?.code, code);
    assert.equal(
      exception?.message,
      `The device refused 2 input registers at 30000 of unit 7: exception ${code} (${meaning})`,
    );
  }
});
