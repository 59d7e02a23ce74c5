/** Bytes written as hex; blanks are for the reader. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(/\s/g, ""));
}

/** Four hex digits. */
export function wordHex(word: number): string {
  return word.toString(16).padStart(4, "0");
}
