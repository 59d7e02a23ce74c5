/** A text with each `@NAME@` replaced by its value; marks without one stay for a later round. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/@([A-Z_]+)@/g, (mark, name) => values[name] ?? mark);
}
