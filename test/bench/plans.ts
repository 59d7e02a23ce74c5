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
}

const SECOND_MS = 1000;

/** The plans by name. */
export const plans = {
  /** Everything, for a report. */
  full: {
    rounds: 3,
    devices: [1, 10, 100, 500, 2000],
    peerDevices: [1, 100, 500],
    warmUpMs: 12 * SECOND_MS,
    windowMs: 20 * SECOND_MS,
  },
  /** Under five minutes. */
  quick: {
    rounds: 1,
    devices: [100, 500],
    peerDevices: [100],
    warmUpMs: 4 * SECOND_MS,
    windowMs: 8 * SECOND_MS,
  },
  /** Whether all of it works; its figures mean nothing. */
  tiny: {
    rounds: 1,
    devices: [2],
    peerDevices: [2],
    warmUpMs: 0,
    windowMs: SECOND_MS,
  },
} as const satisfies Record<string, Plan>;
