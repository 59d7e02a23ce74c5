import { type AddressBlock, parseAddressBlock } from "../cidr.ts";
import { type Endpoint, parseEndpoint, UsageError } from "../core/mod.ts";

/** Endpoints to try. */
export interface Targets {
  /** How many addresses there are, excluded ones not counted. */
  readonly addresses: number;
  /** Each address on each port. */
  endpoints(): Iterable<Endpoint>;
}

/**
 * Puts together what to scan.
 *
 * @param texts blocks, ranges, addresses, names; each may be several separated by commas
 * @param exclude the same, left out again
 * @throws {UsageError} when one of them cannot be understood
 */
export function parseTargets(
  texts: readonly string[],
  exclude: readonly string[],
  ports: readonly number[],
): Targets {
  const blocks = split(texts).map(parseTarget);
  const excluded = split(exclude).map(parseAddressBlock);
  const isWanted = (host: string) => !excluded.some((block) => block.has(host));
  return {
    addresses: countWanted(blocks, isWanted),
    *endpoints() {
      const seen = new Set<string>();
      for (const { addresses, port } of blocks) {
        for (const host of addresses()) {
          if (!isWanted(host)) continue;
          for (const number of port === undefined ? ports : [port]) {
            const key = `${host} ${number}`;
            if (seen.has(key)) continue;
            seen.add(key);
            yield { scheme: "tcp", host, port: number };
          }
        }
      }
    },
  };
}

type Target = AddressBlock & { readonly port: number | undefined };

function split(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split(/[\s,]+/)).filter((text) => text !== "");
}

/** A block, or one HOST:PORT. */
function parseTarget(text: string): Target {
  if (!/^(\[.*\]|[^:]+):\d+$/.test(text)) return { ...parseAddressBlock(text), port: undefined };
  const endpoint = parseEndpoint(text);
  if (endpoint.scheme !== "tcp") throw new UsageError(`Cannot scan "${text}": not Modbus TCP`);
  const { host, port } = endpoint;
  return { text, size: 1, addresses: () => [host], has: (address) => address === host, port };
}

/** Addresses that are walked one by one to count them; more are too many anyway. */
const COUNTED = 65_536;

function countWanted(blocks: readonly Target[], isWanted: (host: string) => boolean): number {
  const size = blocks.reduce((sum, block) => sum + block.size, 0);
  if (size > COUNTED) return size;
  return new Set(blocks.flatMap(({ addresses }) => [...addresses()].filter(isWanted))).size;
}
