import type { GroupOffset } from "./recovery.ts";

/** What one that was fenced keeps in its note: a restart must not make it take over at once. */
export interface Fenced {
  /** When it was told, or last looked; Unix milliseconds. */
  readonly at: number;
  /** The group's offsets at that time, as `seen` writes them; null = they could not be asked for. */
  readonly seen: string | null;
}

/** How long one that was fenced stands back before it looks whether the other still delivers. */
export const STAND_BACK_MS = 180_000;

/** What a date can hold. */
const LATEST_MS = 8.64e15;

/** What shows that somebody delivers: it changes with each transaction. */
export function seen(offsets: readonly GroupOffset[]): string {
  return JSON.stringify(
    offsets.map(({ topic, position, incarnation }) => [topic, position, incarnation]).sort(),
  );
}

/** How long it still stands back before it looks; 0 = it may look. A clock that was set back counts for nothing. */
export function leftToWait({ at }: Fenced, now: number): number {
  const waited = now - at;
  return waited >= 0 && waited < STAND_BACK_MS ? STAND_BACK_MS - waited : 0;
}

/**
 * Whether the other one still delivers: then it keeps the id, however often we are started.
 *
 * @returns what to note instead; undefined = nothing moved meanwhile, the id may be taken over
 */
export function stillFenced(
  fenced: Fenced,
  offsets: readonly GroupOffset[],
  now: number,
): Fenced | undefined {
  const found = seen(offsets);
  return found === fenced.seen ? undefined : { at: now, seen: found };
}

/** What the topic's readers are told by one that takes the id back: otherwise nobody but the logs knows. */
export function takenBack({ at }: Fenced): string {
  return "another collector of the same id took over and has delivered nothing since " +
    `${new Date(at).toISOString()}, so this one goes on; two of one collector.id are a mistake, ` +
    "stop one of them or give it another id";
}

/** The part of a note that says so. */
export function parseFenced(note: string | null): Fenced | undefined {
  if (note === null) return undefined;
  try {
    const { at, seen } = JSON.parse(note).fenced;
    const isKnown = typeof seen === "string" || seen === null;
    return Number.isSafeInteger(at) && Math.abs(at) <= LATEST_MS && isKnown
      ? { at, seen }
      : undefined;
  } catch {
    return undefined;
  }
}
