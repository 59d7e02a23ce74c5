/** How much is measured. */
export interface Plan {
  /** Rounds over all trials of a measurement, when nothing else is asked for. */
  readonly rounds: number;
  /** Numbers of devices that are polled. */
  readonly devices: readonly number[];
  /** The peers are put to these only. */
  readonly peerDevices: readonly number[];
  /** From the first poll of the last device to the begin of the window. */
  readonly warmUpMs: number;
  /** How long polling is watched. */
  readonly windowMs: number;
  /** How often short-lived programs are run in a round. */
  readonly repeats: number;
  /** Commands whose start is measured; undefined = all. */
  readonly commands?: readonly string[];
  /** Networks that are searched. */
  readonly scans: readonly Scan[];
  /** Readings of a backlog. */
  readonly backlog: number;
  /** How long memory is watched, when that is asked for. */
  readonly longMs: number;
}

/** A network to search. */
export interface Scan {
  /** Length of the prefix: 24 = 254 addresses. */
  readonly prefix: number;
  readonly devices: number;
  /** Addresses that do not even refuse. */
  readonly silent: number;
}

const SECOND_MS = 1000;

/** The plans by name. */
export const plans = {
  /** Everything, for a report. */
  full: {
    rounds: 3,
    devices: [1, 10, 100, 500, 2000],
    peerDevices: [1, 100, 500],
    warmUpMs: 25 * SECOND_MS,
    windowMs: 20 * SECOND_MS,
    repeats: 7,
    scans: [
      { prefix: 24, devices: 100, silent: 0 },
      { prefix: 24, devices: 100, silent: 100 },
      { prefix: 20, devices: 1000, silent: 0 },
      { prefix: 20, devices: 1000, silent: 1000 },
    ],
    backlog: 200_000,
    longMs: 3600 * SECOND_MS,
  },
  /** Under five minutes. */
  quick: {
    rounds: 1,
    devices: [100, 500],
    peerDevices: [100],
    warmUpMs: 4 * SECOND_MS,
    windowMs: 8 * SECOND_MS,
    repeats: 3,
    commands: ["read", "scan", "collect"],
    scans: [{ prefix: 24, devices: 100, silent: 0 }, { prefix: 20, devices: 1000, silent: 0 }],
    backlog: 50_000,
    longMs: 60 * SECOND_MS,
  },
  /** Whether all of it works; its figures mean nothing. */
  tiny: {
    rounds: 1,
    devices: [2],
    peerDevices: [2],
    warmUpMs: 0,
    windowMs: SECOND_MS,
    repeats: 1,
    commands: ["read"],
    scans: [{ prefix: 28, devices: 3, silent: 2 }],
    backlog: 500,
    longMs: 3 * SECOND_MS,
  },
} as const satisfies Record<string, Plan>;
