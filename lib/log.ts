import { printable, printableJson } from "./printable.ts";

/** How important a line is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What a line carries beside its message. */
export type LogFields = { readonly [key: string]: unknown };

/** Writes one line. */
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** How lines are written. */
export interface LogOptions {
  /** Less important lines are left out. */
  readonly level: LogLevel;
  /** `text` for people, `json` for journald and its like: one object a line. */
  readonly format: "text" | "json";
  /** Takes a line with its line end. */
  readonly write: (line: string) => void;
}

/** A log with a threshold and a format. */
export function createLog({ level, format, write }: LogOptions): Log {
  const threshold = ORDER[level];
  const render = format === "json" ? renderJson : renderText;
  return (level, message, fields = {}) => {
    if (ORDER[level] >= threshold) write(render(level, message, fields) + "\n");
  };
}

/** Writes to standard error, whole lines, unbuffered. */
export function writeStderr(line: string): void {
  const bytes = new TextEncoder().encode(line);
  try {
    for (let sent = 0; sent < bytes.length;) sent += Deno.stderr.writeSync(bytes.subarray(sent));
  } catch {
    // Nobody reads our log; that must not stop the work.
  }
}

function renderJson(level: LogLevel, message: string, fields: LogFields): string {
  return printableJson(
    JSON.stringify({ time: new Date().toISOString(), level, message, ...fields }),
  );
}

function renderText(level: LogLevel, message: string, fields: LogFields): string {
  const extra = Object.entries(fields).map(([key, value]) => ` ${key}=${quote(value)}`).join("");
  const time = new Date().toISOString().slice(11, 23);
  return printable(`${time} ${level.toUpperCase().padEnd(5)} ${message}${extra}`);
}

function quote(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "undefined";
  return /^[\w.:@/+-]+$/.test(text) ? text : JSON.stringify(text);
}
