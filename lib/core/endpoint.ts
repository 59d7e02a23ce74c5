import { UsageError } from "./errors.ts";

/** Where a device is reached, as the user wrote it, taken apart. */
export type Endpoint = NetworkEndpoint | SerialEndpoint;

/** Modbus over a TCP connection. */
export interface NetworkEndpoint {
  /** `tcp` Modbus TCP, `tls` Modbus/TCP Security, `rtu+tcp` RTU frames over TCP. */
  readonly scheme: "tcp" | "tls" | "rtu+tcp";
  /** A host name or address, IPv6 without brackets. */
  readonly host: string;
  /** 1–65535. */
  readonly port: number;
}

/** Modbus RTU on a serial line. */
export interface SerialEndpoint {
  /** Tells it from the others. */
  readonly scheme: "serial";
  /** The device file. */
  readonly path: string;
  /** Bits a second. */
  readonly baud: number;
  /** Parity of each character. */
  readonly parity: "none" | "even" | "odd";
  /** Stop bits. */
  readonly stop: 1 | 2;
}

const DEFAULT_PORTS = { tcp: 502, tls: 802, "rtu+tcp": 502 } as const;
const FORMS = "HOST, HOST:PORT, [v6]:PORT, tcp://…, tls://…, rtu+tcp://… or serial:/dev/tty…";

/**
 * Takes an endpoint apart.
 *
 * @param defaultPort the port of a plain `HOST`, `tcp://` or `rtu+tcp://`; 502 when left out
 * @throws {UsageError} when it is none of the known forms
 */
export function parseEndpoint(text: string, defaultPort?: number): Endpoint {
  if (text.startsWith("serial:")) return parseSerial(text);
  const [, scheme = "tcp", rest = ""] = /^(?:([a-z+]+):\/\/)?(.*)$/s.exec(text) ?? [];
  if (scheme !== "tcp" && scheme !== "tls" && scheme !== "rtu+tcp") {
    throw new UsageError(`Cannot use endpoint "${text}": unknown scheme "${scheme}", use ${FORMS}`);
  }
  const fallback = scheme === "tls" ? DEFAULT_PORTS.tls : defaultPort ?? DEFAULT_PORTS[scheme];
  return { scheme, ...parseAuthority(text, rest.replace(/\/$/, ""), fallback) };
}

function parseAuthority(text: string, authority: string, fallback: number) {
  const [, v6 = "", name, digits] =
    /^(?:\[([^\]]*)\]|([^\s:/[\]@?#]+))(?::(\d+))?$/.exec(authority) ?? ["", authority];
  const host = name ?? (isIpv6(v6) ? v6 : undefined);
  if (host === undefined) {
    throw new UsageError(`Cannot use endpoint "${text}": write it as ${FORMS}`);
  }
  const port = digits === undefined ? fallback : Number(digits);
  if (port < 1 || port > 65535) {
    throw new UsageError(`Cannot use endpoint "${text}": port ${digits} is not within 1–65535`);
  }
  return { host, port };
}

/** With or without a zone: `fe80::1%eth0`. */
function isIpv6(text: string): boolean {
  const [, address] = /^([0-9a-fA-F:.]+)(?:%[\w.-]+)?$/.exec(text) ?? [];
  return address !== undefined && URL.canParse(`http://[${address}]`);
}

function parseSerial(text: string): SerialEndpoint {
  const [, path = "", query = ""] = /^serial:([^?]*)\??(.*)$/s.exec(text) ?? [];
  const options = new URLSearchParams(query);
  const baud = Number(options.get("baud") ?? "9600");
  const parity = options.get("parity") ?? "none";
  const stop = options.get("stop") ?? "1";
  for (const key of options.keys()) {
    if (!["baud", "parity", "stop"].includes(key)) fail(`unknown option "${key}"`);
  }
  if (!path.startsWith("/")) fail("the device file must be an absolute path");
  if (!Number.isInteger(baud) || baud < 300 || baud > 4_000_000) fail("baud is not a line speed");
  if (parity !== "none" && parity !== "even" && parity !== "odd") {
    return fail("parity is none, even or odd");
  }
  if (stop !== "1" && stop !== "2") return fail("stop is 1 or 2");
  return { scheme: "serial", path, baud, parity, stop: stop === "1" ? 1 : 2 };

  function fail(why: string): never {
    throw new UsageError(
      `Cannot use endpoint "${text}": ${why}, as in serial:/dev/ttyUSB0?baud=9600&parity=none&stop=1`,
    );
  }
}

/** The one spelling of an endpoint: `192.0.2.7:502`, `tls://[2001:db8::7]:802`, `serial:/dev/ttyS0?…`. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.scheme === "serial") {
    const { path, baud, parity, stop } = endpoint;
    return `serial:${path}?baud=${baud}&parity=${parity}&stop=${stop}`;
  }
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  const prefix = endpoint.scheme === "tcp" ? "" : `${endpoint.scheme}://`;
  return `${prefix}${host}:${endpoint.port}`;
}

/** Unit ids as the user writes them: `1`, `1,3,126`, `1-10`; `auto` tries the ids that vendors use. */
export type UnitIds = readonly number[] | "auto";

/**
 * Parses unit ids; each 0–255 (247 is the highest a bus may use, 248–255 are gateways' own).
 *
 * @throws {UsageError} on anything else
 */
export function parseUnitIds(text: string): UnitIds {
  if (text.trim() === "auto") return "auto";
  const ids = new Set<number>();
  for (const part of text.split(",")) {
    const [, from, to] = /^\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?$/.exec(part) ?? [];
    const first = Number(from);
    const last = to === undefined ? first : Number(to);
    if (from === undefined || last > 255 || last < first) {
      throw new UsageError(
        `Cannot use unit ids "${text}": write 1, 1,3,126, 1-10 or auto, each within 0–255`,
      );
    }
    for (let id = first; id <= last; id++) ids.add(id);
  }
  return [...ids];
}
