/**
 * A text without the mark that editors of Windows begin a file with, and that JSON.parse takes for a
 * fault.
 */
export function withoutByteOrderMark(text: string): string {
  return text.replace(/^\ufeff/, "");
}
