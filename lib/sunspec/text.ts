/** A text as it is shown, and the bytes that it was made of. */
interface KnownText {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** What some thousand devices call themselves and their parts. */
const MOST_KNOWN = 4096;
const LONGEST_KNOWN = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const windows1252 = new TextDecoder("windows-1252");
/** By a hash of their bytes: devices repeat their texts, and to make one takes longer than to know it. */
const known = new Map<number, KnownText>();

/** The text of the bytes from `at` to before `end`, without its padding. */
export function textAt(view: DataView, at: number, end: number): string {
  const hash = hashOf(view, at, end);
  const like = known.get(hash);
  if (like && isOf(like, view, at, end)) return like.text;
  const bytes = bytesAt(view, at, end).slice();
  const text = withoutPadding(utf8At(view, at, end) ?? windows1252.decode(bytes));
  if (bytes.length > LONGEST_KNOWN) return text;
  if (known.size === MOST_KNOWN) known.clear();
  known.set(hash, { bytes, text });
  return text;
}

/**
 * The same with its padding; null when it is no UTF-8. Field devices send Latin-1 too ("°"), which
 * windows-1252 holds.
 */
export function utf8At(view: DataView, at: number, end: number): string | null {
  try {
    return utf8.decode(bytesAt(view, at, end));
  } catch {
    return null;
  }
}

function bytesAt(view: DataView, at: number, end: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, end - at);
}

function hashOf(view: DataView, at: number, end: number): number {
  let hash = 0;
  for (let i = at; i < end; i++) hash = Math.imul(hash, 31) + view.getUint8(i) | 0;
  return hash;
}

function isOf({ bytes }: KnownText, view: DataView, at: number, end: number): boolean {
  if (bytes.length !== end - at) return false;
  for (let i = at; i < end; i++) if (bytes[i - at] !== view.getUint8(i)) return false;
  return true;
}

/** Not a regular expression: those try every blank of a long string as the first of the last. */
function withoutPadding(text: string): string {
  let end = text.length;
  while (end > 0 && isPadding(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}

function isPadding(code: number): boolean {
  if (code > 0x20 && code < 0x7f) return false;
  return /[\0\s]/.test(String.fromCharCode(code));
}
