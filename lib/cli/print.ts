import type { Json } from "../core/mod.ts";
import { printable, printableJson } from "../printable.ts";
import type { Io } from "./io.ts";

/** How data is printed. */
export type Format = "table" | "json" | "ndjson" | "csv";

/** Rows of text under named columns. */
export interface Table {
  /** Their names. */
  readonly columns: readonly string[];
  /** Each as long as `columns`. */
  readonly rows: readonly (readonly string[])[];
}

/** Data that can be printed in every format. */
export interface Printable {
  /** Each is one line of NDJSON. */
  readonly documents: readonly Json[];
  /** For the formats table and csv. */
  readonly table: Table;
  /** Print one document alone instead of an array of one. */
  readonly isSingle: boolean;
}

/** Prints data to standard output. */
export function print(io: Io, format: Format, { documents, table, isSingle }: Printable): void {
  switch (format) {
    case "json": {
      const [only] = documents;
      const value = isSingle && documents.length === 1 ? only : documents;
      return io.out(`${printableJson(JSON.stringify(value, null, 2))}\n`);
    }
    case "ndjson":
      return io.out(
        documents.map((document) => `${printableJson(JSON.stringify(document))}\n`).join(""),
      );
    case "csv":
      return io.out(renderCsv(table));
    case "table":
      return io.out(renderTable(table, io.isTerminal));
  }
}

/** A longer cell stands out of its column: the registers of an unknown model are thousands. */
const WIDEST = 80;

/** Columns as wide as their widest cell, within reason; the last one as long as it is. */
export function renderTable({ columns, rows }: Table, isBold: boolean): string {
  const shown = rows.map((row) => row.map((cell) => printable(cell)));
  const widths = columns.map((column, i) =>
    shown.reduce(
      (widest, row) => Math.max(widest, Math.min(row[i]?.length ?? 0, WIDEST)),
      column.length,
    )
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => i === columns.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))
      .join("  ").trimEnd();
  const head = line(columns.map((column) => column.toUpperCase()));
  return [isBold ? `\x1b[1m${head}\x1b[0m` : head, ...shown.map(line), ""].join("\n");
}

/**
 * RFC 4180, with a header line. Made for spreadsheets, so nothing in it is a formula or steers a
 * terminal; JSON is exact.
 */
export function renderCsv({ columns, rows }: Table): string {
  return [columns, ...rows].map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");
}

function csvCell(text: string): string {
  const shown = inert(printable(text));
  return /[",\r\n]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
}

/** A spreadsheet takes a text that begins so for a formula, unless it is a number. */
function inert(text: string): string {
  const isFormula = /^[=+\-@]/.test(text) && !/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text);
  return isFormula ? `'${text}` : text;
}
