/** Who was read. Strings are empty where the device does not say. */
export interface DeviceIdentity {
  /** `manufacturer-model-serial`, or `manufacturer-model@endpoint/unit` without a serial number. */
  readonly id: string;
  /** As the device says it. */
  readonly manufacturer: string;
  /** As the device says it. */
  readonly model: string;
  /** As the device says it. */
  readonly options: string;
  /** As the device says it. */
  readonly version: string;
  /** As the device says it. */
  readonly serialNumber: string;
  /** The endpoint in its one spelling, see `formatEndpoint`. */
  readonly endpoint: string;
  /** Its unit id behind the endpoint. */
  readonly unitId: number;
  /** The id of the device this one sits behind (a second common model in the chain), else null. */
  readonly parent: string | null;
}

/** What of the device was read: one SunSpec model, one register group, one query. */
export interface SourceRef {
  /** The driver's name, `sunspec`. */
  readonly driver: string;
  /** `sunspec/103`; the same for every device of a kind. */
  readonly name: string;
  /** For SunSpec: the model. */
  readonly modelId: number | null;
  /** Its name; null when nobody has published one. */
  readonly modelName: string | null;
  /** 1 for the first of this model in the chain, 2 for the second … */
  readonly instance: number | null;
  /** Protocol address of the model's ID register. */
  readonly address: number | null;
  /** Length in registers, without ID and L. */
  readonly length: number | null;
}

/**
 * What is to be known about a value that is not plainly good: `sf_split` it was scaled by a factor
 * that came in another request; `counter_held` the counter fell, this is its last good value;
 * `implausible` it is beyond what the device's nameplate allows.
 */
export type Quality = "sf_split" | "counter_held" | "implausible";

/** One value, as it is delivered. Points that are not implemented are left out. */
export interface Point {
  /** Dotted, groups indexed from 0: `W`, `module[2].DCW`. */
  readonly name: string;
  /** The scaled number, or the integer of an enum or bitfield; null for text. */
  readonly value: number | null;
  /** Text, a symbol, symbols joined by `|`, or the exact decimal of a number a double cannot hold. */
  readonly text: string | null;
  /** As the definition says it. */
  readonly unit: string | null;
  /** null = good. */
  readonly quality: Quality | null;
}

/** Rows that left the buffer undelivered, for one output. */
export interface Gap {
  /** Who did not get them. */
  readonly output: string;
  /** First and last position of the rows, both included. */
  readonly first: number;
  /** Included. */
  readonly last: number;
  /** How many. */
  readonly count: number;
  /** A word for programs: `max_bytes`, `max_age`, `corrupt` … */
  readonly reason: string;
  /** When the first and the last of them were collected, Unix microseconds. */
  readonly from: number;
  /** The last of them. */
  readonly to: number;
}

/** What one read of one source gave, at one moment. */
export interface Reading {
  /** What this record is. */
  readonly kind: "reading" | "gap" | "event";
  /** Who was read. */
  readonly device: DeviceIdentity;
  /** What of it. */
  readonly source: SourceRef;
  /** Unix time in microseconds at which the answer was complete. */
  readonly collectedAt: number;
  /** Whether the system's clock was synchronised; null = not known. */
  readonly clockSynced: boolean | null;
  /** In the order of the registers. */
  readonly points: readonly Point[];
  /** The raw words, big-endian, where the configuration asks for them. */
  readonly registers: Uint8Array | null;
  /** For the kind `gap`. */
  readonly gap: Gap | null;
}
