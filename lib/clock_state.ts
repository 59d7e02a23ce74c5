import { RELEASE_YEAR } from "./version.ts";

/** Whether the system's clock is synchronised; null = nothing tells. */
export type ClockState = boolean | null;

/** What the state is read from. */
export interface ClockSurroundings {
  /** Stands before every path. */
  readonly root?: string;
  /** What the clock shows, Unix milliseconds. */
  readonly now?: number;
}

/** No version runs for so long: a clock that shows a later year is wrong as well. */
const LIFETIME_YEARS = 25;
/** The services write what they learnt once an hour, never in their first minute. */
const FRESH_MS = 2 * 3_600_000;
const FIRST_MINUTE_MS = 60_000;

/** A service that marks its success with a file of its own: systemd-timesyncd.service(8). */
const MARKING = [
  { running: "/run/systemd/timesync", synced: "/run/systemd/timesync/synchronized" },
] as const;

/** Services that write the drift of the clock while they are synchronised: chrony.conf(5), ntpd(8). */
const DRIFTING = [
  { running: "/run/chrony/chronyd.pid", drift: "/var/lib/chrony/chrony.drift" },
  { running: "/run/chrony/chronyd.pid", drift: "/var/lib/chrony/drift" },
  { running: "/run/ntpd.pid", drift: "/var/lib/ntp/ntp.drift" },
  { running: "/run/ntpd.pid", drift: "/var/lib/ntp/drift" },
  { running: "/run/ntpd.pid", drift: "/var/lib/ntpsec/ntp.drift" },
] as const;

/**
 * Reads what time services leave in files; programs are not run. Without such a service, or where
 * its files may not be read, nothing is known. A year that this version cannot live in needs no
 * service to be wrong.
 */
export async function readClockState(
  { root = "", now = Date.now() }: ClockSurroundings = {},
): Promise<ClockState> {
  if (!isPossible(now)) return false;
  const states = await Promise.all([
    ...MARKING.map(async ({ running, synced }) =>
      await changedAt(root + running) === undefined
        ? null
        : await changedAt(root + synced) !== undefined
    ),
    ...DRIFTING.map(async ({ running, drift }) => {
      const [startedAt, writtenAt] = [
        await changedAt(root + running),
        await changedAt(root + drift),
      ];
      if (startedAt === undefined || writtenAt === undefined) return null;
      const isOfThisRun = writtenAt > startedAt + FIRST_MINUTE_MS;
      return isOfThisRun && writtenAt > now - FRESH_MS && writtenAt <= now ? true : null;
    }),
  ]);
  return states.find((state) => state === true) ?? states.find((state) => state === false) ?? null;
}

function isPossible(now: number): boolean {
  const year = new Date(now).getUTCFullYear();
  return year >= RELEASE_YEAR && year <= RELEASE_YEAR + LIFETIME_YEARS;
}

/** Unix milliseconds; undefined when there is no such file, or none that we may see. */
async function changedAt(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).mtime?.getTime();
  } catch {
    return undefined;
  }
}
