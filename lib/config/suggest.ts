import { VERSION } from "../version.ts";
import { allSettings } from "./config.ts";

/** The key or section whose name differs least, if it is near; else the same name elsewhere. */
export function suggestion(key: string): string {
  const keys = allSettings.map((setting) => setting.key);
  const near = [...new Set(keys.flatMap((known) => [known, ...sectionsOf(known)]))]
    .map((known) => ({ known, distance: editDistance(key, known) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const name = key.slice(key.lastIndexOf(".") + 1);
  const guess = near && near.distance <= 3
    ? near.known
    : keys.find((known) => known.endsWith(`.${name}`));
  if (guess !== undefined) return `, did you mean ${guess}?`;
  return `; sunspool ${VERSION} has none like it`;
}

/** The same for any words. */
export function suggestionAmong(word: string, words: readonly string[]): string {
  const near = words.map((known) => ({ known, distance: editDistance(word, known) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= 3 ? `, did you mean ${near.known}?` : "";
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The sections a key stands in, innermost first: `kafka.tls`, `kafka`. */
export function sectionsOf(key: string): string[] {
  const names = key.split(".");
  return names.slice(1).map((_, i) => names.slice(0, names.length - 1 - i).join("."));
}
