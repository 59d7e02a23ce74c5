import { parse as parseToml, TomlError } from "smol-toml";
import { withoutByteOrderMark } from "../byte_order_mark.ts";
import { ConfigError, messageOf } from "../core/mod.ts";
import type { Origin } from "./config.ts";
import { locateJson, locateToml } from "./locate.ts";

/** A parsed file and how to find a key's line in it. */
export interface ParsedFile {
  readonly path: string;
  readonly content: unknown;
  locate(path: readonly string[]): number;
}

/**
 * Reads a file, TOML or JSON.
 *
 * @throws {ConfigError}
 */
export function parseFile(path: string): ParsedFile {
  let text: string;
  try {
    text = withoutByteOrderMark(Deno.readTextFileSync(path));
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "no such file" : messageOf(cause);
    throw new ConfigError(`Cannot read configuration "${path}": ${why}`, { cause });
  }
  const isJson = path.endsWith(".json") || /^\s*\{/.test(text);
  try {
    const content: unknown = isJson ? JSON.parse(text) : parseToml(text);
    const locate = isJson ? locateJson : locateToml;
    return { path, content, locate: (keys) => locate(text, keys) };
  } catch (cause) {
    // The causes repeat the line, and somebody's password may stand in it.
    if (cause instanceof TomlError) {
      const [what = ""] = cause.message.replace(/^Invalid TOML document: /, "").split("\n");
      throw new ConfigError(`"${path}" line ${cause.line}: not TOML: ${what}`);
    }
    throw new ConfigError(`"${path}": not JSON: ${withoutSnippet(messageOf(cause))}`);
  }
}

/** The file, and the line in it that a key stands on. */
export function where(file: ParsedFile, path: readonly string[]): Origin {
  const line = file.locate(path);
  return line > 0 ? `"${file.path}" line ${line}` : `"${file.path}"`;
}

/** V8 shows what it stumbled over: `Unexpected token 'h', "{"token":hunter2}" is not valid JSON`. */
function withoutSnippet(message: string): string {
  return message.replace(/, (\.\.\.)?".*$/s, "");
}
