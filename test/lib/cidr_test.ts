import assert from "node:assert/strict";
import fc from "fast-check";
import { addressAfter, parseAddressBlock } from "../../lib/cidr.ts";
import { UsageError } from "../../lib/core/mod.ts";

Deno.test("parseAddressBlock() lists the addresses that devices can have", () => {
  for (
    const [text, want] of [
      ["192.0.2.7", ["192.0.2.7"]],
      ["192.0.2.7/32", ["192.0.2.7"]],
      ["192.0.2.6/31", ["192.0.2.6", "192.0.2.7"]],
      ["192.0.2.4/30", ["192.0.2.5", "192.0.2.6"]],
      ["192.0.2.0/29", [1, 2, 3, 4, 5, 6].map((last) => `192.0.2.${last}`)],
      ["192.0.2.9-11", ["192.0.2.9", "192.0.2.10", "192.0.2.11"]],
      ["192.0.2.9-9", ["192.0.2.9"]],
      ["192.0.2.254-192.0.3.1", ["192.0.2.254", "192.0.2.255", "192.0.3.0", "192.0.3.1"]],
      ["inverter.local", ["inverter.local"]],
      ["inverter-1", ["inverter-1"]],
      ["::1", ["::1"]],
      ["2001:db8::7", ["2001:db8::7"]],
    ] as const
  ) {
    const block = parseAddressBlock(text);
    assert.deepEqual([...block.addresses()], want, text);
    assert.equal(block.size, want.length, text);
    assert.equal(block.text, text);
    for (const address of want) assert.ok(block.has(address), `${text} has ${address}`);
  }
});

Deno.test("a block knows its size and its ends without listing what is between", () => {
  for (
    const [text, size, first, inside, outside] of [
      ["192.0.2.0/24", 254, "192.0.2.1", "192.0.2.254", "192.0.2.255"],
      ["10.0.0.0/8", 16_777_214, "10.0.0.1", "10.255.255.254", "11.0.0.1"],
      ["0.0.0.0/0", 4_294_967_294, "0.0.0.1", "255.255.255.254", "inverter.local"],
      ["10.0.0.0-10.255.255.255", 16_777_216, "10.0.0.0", "10.255.255.255", "9.255.255.255"],
    ] as const
  ) {
    const block = parseAddressBlock(text);
    assert.equal(block.size, size, text);
    assert.equal(block.addresses()[Symbol.iterator]().next().value, first, text);
    assert.ok(block.has(inside), `${text} has ${inside}`);
    assert.ok(!block.has(outside), `${text} has not ${outside}`);
  }
});

Deno.test("what is no block is a usage error that quotes it, says why and shows the forms", () => {
  for (
    const [text, why] of [
      ["", "not an address"],
      ["192.0.2", "not an address"],
      ["192.0.2.256", "not an address"],
      ["192.0.2.1.1", "not an address"],
      ["010.0.0.1", "not an address"],
      ["two words", "not an address"],
      ["-inverter", "not an address"],
      ["http://inverter", "only IPv4 addresses can be swept by block"],
      ["2001:db8::/64", "only IPv4 addresses can be swept by block"],
      ["inverter/24", "only IPv4 addresses can be swept by block"],
      ["192.0.2.0/33", "the prefix length is not within 0–32"],
      ["192.0.2.0/-1", "the prefix length is not within 0–32"],
      ["192.0.2.0/", "the prefix length is not within 0–32"],
      ["192.0.2.0/24x", "the prefix length is not within 0–32"],
      ["192.0.2.5/24", "the block begins at 192.0.2.0"],
      ["192.0.2.20-10", "it ends before it begins"],
      ["192.0.3.1-192.0.2.1", "it ends before it begins"],
      ["192.0.2.10-300", "not an address"],
      ["192.0.2.300-301", "not an address"],
      ["192.0.2.1-", "not an address"],
      ["192.0.2.1-2-3", "not an address"],
    ] as const
  ) {
    assert.throws(() => parseAddressBlock(text), (error) => {
      assert.ok(error instanceof UsageError, text);
      assert.match(error.message, /; write 192\.0\.2\.0\/24, /);
      assert.ok(error.message.startsWith(`Cannot use addresses "${text}": ${why};`), error.message);
      return true;
    }, text);
  }
});

Deno.test("a block has an address exactly when it lists it", () => {
  const bits = fc.integer({ min: 20, max: 32 });
  const anyByte = fc.integer({ min: 0, max: 255 });
  fc.assert(fc.property(bits, anyByte, anyByte, anyByte, (bits, third, fourth, other) => {
    const number = (third * 256 + fourth) - (third * 256 + fourth) % 2 ** (32 - bits);
    const text = `10.0.${Math.floor(number / 256)}.${number % 256}/${bits}`;
    const block = parseAddressBlock(text);
    const listed = [...block.addresses()];
    assert.equal(listed.length, block.size);
    assert.equal(new Set(listed).size, block.size);
    const candidate = `10.0.${third}.${other}`;
    assert.equal(block.has(candidate), listed.includes(candidate), `${text} ${candidate}`);
  }));
});

Deno.test("addressAfter() counts on over the ends of bytes", () => {
  for (
    const [address, offset, want] of [
      ["127.0.0.1", 0, "127.0.0.1"],
      ["127.0.0.1", 254, "127.0.0.255"],
      ["127.0.0.1", 255, "127.0.1.0"],
      ["127.0.255.255", 1, "127.1.0.0"],
    ] as const
  ) {
    assert.equal(addressAfter(address, offset), want);
  }
  assert.throws(() => addressAfter("inverter", 1), UsageError);
});
