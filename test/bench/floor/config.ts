/** A read of holding registers. */
export interface FloorRead {
  readonly address: number;
  readonly quantity: number;
}

/** What the floor is to do. */
export interface FloorConfig {
  /** `127.x.y.z:port` of each device. */
  readonly endpoints: readonly string[];
  /** What is read of each device at each poll, one after the other. */
  readonly reads: readonly FloorRead[];
  readonly intervalMs: number;
  /** For its SQLite file. */
  readonly folder: string;
  /** Where containers go; left out, it only polls. */
  readonly kafka?: { readonly brokers: string; readonly topic: string } | undefined;
}
