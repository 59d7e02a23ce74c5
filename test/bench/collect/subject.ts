import type { Figures } from "../measurement.ts";

/** What there is to poll, and where to keep things. */
export interface Place {
  /** `127.x.y.z:port`, one device each. */
  readonly endpoints: readonly string[];
  /** A folder of its own. */
  readonly folder: string;
  /** Where readings go; undefined = they are not sent anywhere. */
  readonly kafka: KafkaPlace | undefined;
}

/** A topic whose records carry the time of their append. */
export interface KafkaPlace {
  readonly brokers: string;
  readonly topic: string;
  /** The folder of its only partition. */
  readonly dataFolder: string;
}

/** A process that polls all devices each second until it is stopped. */
export interface Poller extends AsyncDisposable {
  readonly pid: number;
  /** What it says of itself; asked right before the window, and right after it. */
  look(): Promise<Look>;
  /** Stops it; then its figures beyond those that every process has. */
  finish(window: Window): Promise<Figures>;
}

/** What a poller says of itself. */
export interface Look {
  /** Readings it has delivered. */
  readonly delivered: number | null;
  /** Readings it still has to deliver. */
  readonly backlog: number | null;
  /** Polls that failed. */
  readonly failed: number | null;
}

/** The time that is looked at. */
export interface Window {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  readonly before: Look;
  readonly after: Look;
}

/** Starts a poller. */
export type StartPoller = (place: Place) => Promise<Poller>;
