import type { LocalPosition } from "./core/mod.ts";

/**
 * Whether what a destination has up to a position was delivered by this very buffer file: the
 * incarnation it names is one of the file's, and the position existed while that one was the
 * newest. Beyond that the file it came from went another way: a replacement, an older copy, a clone.
 */
export function isOurs(
  { incarnations, latest }: LocalPosition,
  delivered: { readonly position: number; readonly incarnation: string },
): boolean {
  const incarnation = incarnations.find(({ id }) => id === delivered.incarnation);
  return incarnation !== undefined && delivered.position <= (incarnation.last ?? latest);
}
