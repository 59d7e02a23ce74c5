import { UsageError } from "./core/mod.ts";

/** Addresses written as one text: a CIDR block, a range, one address or host name. */
export interface AddressBlock {
  /** As the user wrote it. */
  readonly text: string;
  /** How many addresses it holds. */
  readonly size: number;
  /** Lists them one by one. */
  addresses(): Iterable<string>;
  /** Whether an address is one of them. */
  has(address: string): boolean;
}

const FORMS = "192.0.2.0/24, 192.0.2.10-20, 192.0.2.10-192.0.3.5, an address or a host name";

/**
 * Understands a block of addresses. Of an IPv4 block up to /30 the network and broadcast
 * addresses are left out: no device has them.
 *
 * @throws {UsageError} on anything else
 */
export function parseAddressBlock(text: string): AddressBlock {
  const [head = "", tail] = text.split("/");
  if (tail !== undefined) return parseCidr(text, head, tail);
  const [, from, to] = /^([\d.]+)-([\d.]+)$/.exec(text) ?? [];
  if (from !== undefined && to !== undefined) return parseRange(text, from, to);
  const isName = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text) && !/^[\d.-]+$/.test(text);
  const isV6 = /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text);
  if (!isName && !isV6 && toNumber(text) === undefined) return fail(text, "not an address");
  return { text, size: 1, addresses: () => [text], has: (address) => address === text };
}

function parseCidr(text: string, head: string, tail: string): AddressBlock {
  const address = toNumber(head);
  const bits = /^\d{1,2}$/.test(tail) ? Number(tail) : Number.NaN;
  if (address === undefined) return fail(text, "only IPv4 addresses can be swept by block");
  if (!(bits >= 0 && bits <= 32)) return fail(text, "the prefix length is not within 0–32");
  const size = 2 ** (32 - bits);
  const network = address - address % size;
  if (network !== address) {
    return fail(text, `the block begins at ${toText(network)}`);
  }
  return bits > 30 ? block(text, network, size) : block(text, network + 1, size - 2);
}

function parseRange(text: string, from: string, to: string): AddressBlock {
  const first = toNumber(from);
  const last = toNumber(to.includes(".") ? to : from.replace(/\d+$/, to));
  if (first === undefined || last === undefined) return fail(text, "not an address");
  if (last < first) return fail(text, "it ends before it begins");
  return block(text, first, last - first + 1);
}

function block(text: string, first: number, size: number): AddressBlock {
  return {
    text,
    size,
    *addresses() {
      for (let i = 0; i < size; i++) yield toText(first + i);
    },
    has(address) {
      const number = toNumber(address) ?? -1;
      return number >= first && number < first + size;
    },
  };
}

function toNumber(address: string): number | undefined {
  const parts = address.split(".");
  // A leading zero means octal to some: 010.0.0.1 is 8.0.0.1.
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) {
    return undefined;
  }
  const bytes = parts.map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** The address `offset` places after an IPv4 address. */
export function addressAfter(address: string, offset: number): string {
  const number = toNumber(address);
  if (number === undefined) throw new UsageError(`Cannot count on from "${address}": not IPv4`);
  return toText(number + offset);
}

function fail(text: string, why: string): never {
  throw new UsageError(`Cannot use addresses "${text}": ${why}; write ${FORMS}`);
}

/** Whether a name or an address of a listener is reached from this machine only. */
export function isLoopback(host: string): boolean {
  return /^(127(\.\d{1,3}){3}|::1|localhost)$/.test(host);
}
