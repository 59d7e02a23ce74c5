/**
 * Exchanges with devices as a text file: a line for each request, each reply and each failure, to be
 * read, compared and replayed.
 *
 * @module
 */
import { UsageError } from "../core/mod.ts";

/** One line of the file. */
export interface ExchangeLine {
  /** ISO 8601. */
  readonly time: string;
  /** In its one spelling. */
  readonly endpoint: string;
  /** Which unit id. */
  readonly unitId: number;
  /** `>` what was asked, `<` what was answered, `!` why there was no answer. */
  readonly kind: ">" | "<" | "!";
  /** The PDU, function code first; empty = there was no answer. */
  readonly pdu: Uint8Array;
  /** Why there was no answer: a fault and its message. */
  readonly failure: string;
}

/** Writes a line, its end included. */
export function formatExchange(
  { time, endpoint, unitId, kind, pdu, failure }: ExchangeLine,
): string {
  return `${time} ${endpoint} unit ${unitId} ${kind} ${
    kind === "!" ? failure : grouped(kind, pdu)
  }\n`;
}

/** Function code, then words; a reply has its byte count between them. */
function grouped(kind: ">" | "<", pdu: Uint8Array): string {
  const head = kind === ">" || ((pdu[0] ?? 0) & 0x80) !== 0 ? 1 : 2;
  const bytes = [...pdu].map((byte) => byte.toString(16).padStart(2, "0"));
  const words = bytes.slice(head).join("").match(/.{1,4}/g) ?? [];
  return [...bytes.slice(0, head), ...words].join(" ");
}

const LINE = /^(?<time>\S+) (?<endpoint>.+?) unit (?<unit>\d{1,3}) (?<kind>[><!]) (?<rest>.*)$/;

/**
 * Takes a file apart; lines that begin with `#` and empty ones are for the reader.
 *
 * @throws {UsageError} when a line is none of an exchange
 */
export function parseExchanges(text: string, file: string): readonly ExchangeLine[] {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const parsed = parseLine(line.trimEnd());
    if (parsed) return [parsed];
    throw new UsageError(
      `Cannot replay "${file}": line ${i + 1} is none that --record has written: "${line}"`,
    );
  });
}

function parseLine(line: string): ExchangeLine | undefined {
  const { time = "", endpoint = "", unit, kind, rest = "" } = LINE.exec(line)?.groups ?? {};
  const unitId = Number(unit);
  if (kind === "!") {
    return { time, endpoint, unitId, kind, pdu: new Uint8Array(0), failure: rest };
  }
  const hex = rest.replaceAll(" ", "");
  if ((kind !== ">" && kind !== "<") || unitId > 255 || !/^([0-9a-f]{2})+$/i.test(hex)) {
    return undefined;
  }
  return { time, endpoint, unitId, kind, pdu: Uint8Array.fromHex(hex), failure: "" };
}
