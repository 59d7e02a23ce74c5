import type { DeviceIdentity, Quality, Reading, SourceRef } from "./reading.ts";
import type { Transport } from "./transport.ts";

/** Anything JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | {
  readonly [key: string]: Json;
};

/** How a device is to be opened. */
export interface DeviceOptions {
  /** Where the map starts; undefined = find out. */
  readonly baseAddress: number | undefined;
  /** The most registers to ask for in one request, 1–125. */
  readonly maxRegisters: number;
  /** Registers to read ahead when the device is walked, 0 = none. */
  readonly readAhead: number;
  /** Only these models are polled; undefined = all. */
  readonly models: readonly number[] | undefined;
  /** A folder of the user's own definitions, which win over the built-in ones. */
  readonly modelsDir: string | undefined;
  /** Carry the raw words in each reading. */
  readonly registers: boolean;
  /**
   * Stands for the place as long as the process runs: what a driver remembers from one opening to
   * the next hangs on it. undefined = nothing is remembered.
   */
  readonly memory?: object | undefined;
}

/** What one `read` prints: the JSON document of the contract, and the same values as rows. */
export interface Snapshot {
  /** For JSON. */
  readonly document: { readonly [key: string]: Json };
  /** For tables. */
  readonly rows: readonly SnapshotRow[];
}

/** What is told of a value that is to be explained, in this order. */
export const EXPLANATION_COLUMNS = [
  "address",
  "registers",
  "type",
  "raw",
  "scale_factor",
  "scale_factor_address",
  "symbol",
] as const;

/**
 * How a value came about: protocol address, words on the wire as hex (null = not read), type, integer
 * before scaling (null = not implemented), power of ten and where it stands, symbols.
 */
export type Explanation = Readonly<Record<typeof EXPLANATION_COLUMNS[number], Json>>;

/** One value in a table. */
export interface SnapshotRow {
  /** The model. */
  readonly source: string;
  /** Its dotted name. */
  readonly point: string;
  /** Empty = not implemented. */
  readonly value: string;
  /** Empty = none. */
  readonly unit: string;
  /** Why the value is not plainly good; left out when it is. */
  readonly quality?: Quality;
  /** How it came about, when that was asked for. */
  readonly explanation?: Explanation | undefined;
}

/** What to put into a snapshot. */
export interface SnapshotOptions {
  /** `103`, `103.W`, `inverter.W`; empty = everything. */
  readonly select: readonly string[];
  /** Integers as on the wire, unscaled. */
  readonly raw: boolean;
  /** Leave the values out: identity and models only. */
  readonly valueless: boolean;
  /** Tell how each value came about. */
  readonly explain?: boolean;
}

/** An open device: who it is, what it offers, how to read it. */
export interface Device extends AsyncDisposable {
  /** Who it is. */
  readonly identity: DeviceIdentity;
  /** Devices behind this one (further common models in its chain). */
  readonly children: readonly DeviceIdentity[];
  /** What it offers, in its own order. */
  readonly sources: readonly SourceRef[];
  /** What disagrees with the definitions, for the log. */
  readonly warnings: readonly string[];
  /** The most registers it was found to give at once; undefined = as many as it was asked for. */
  readonly maxRegisters?: number | undefined;
  /** Whether it said with its last readings that it goes to rest: silence after that is no failure. */
  readonly isResting?: boolean;
  /**
   * Reads once; one reading a source, and events between them.
   *
   * @param options.statics also the sources that hardly ever change (nameplates)
   * @throws {TransportError} the wire broke, or the map is no longer what was opened: open again
   */
  read(
    options: { readonly statics: boolean },
    signal: AbortSignal,
  ): Promise<readonly Reading[]>;
  /**
   * Reads once, for people and scripts.
   *
   * @throws {UsageError} `select` names what no definition has
   */
  snapshot(options: SnapshotOptions, signal: AbortSignal): Promise<Snapshot>;
}

/** A device family. */
export interface Driver {
  /** As in `driver` of a reading. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /**
   * Opens the device at a transport, or gives undefined when another kind of device answered.
   *
   * @throws {TransportError} nothing answered
   */
  open(
    transport: Transport,
    options: DeviceOptions,
    signal: AbortSignal,
  ): Promise<Device | undefined>;
}
