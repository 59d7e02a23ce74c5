/**
 * What steers a terminal or makes a text look like another: control characters (C0, DEL, C1, so also
 * each beginning of an escape sequence), line separators, marks that turn or hide text.
 */
const STEERING =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** A text that may be shown: devices, files and servers may say anything. */
export function printable(text: string, substitute = "·"): string {
  return text.replace(STEERING, substitute);
}

/** The same for a text of several lines of our own. */
export function printableLines(text: string): string {
  return text.split("\n").map((line) => printable(line)).join("\n");
}

/** JSON of the same value that may be shown; it stands on one line if it did before. */
export function printableJson(json: string): string {
  return json.replace(STEERING, (char) => {
    // Only between tokens, and there it is ours.
    if (char === "\n") return char;
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
