/** A reading on its way into the buffer, already encoded. */
export interface NewEntry {
  /** Fingerprint of the schema that `payload` was written with. */
  readonly schema: string;
  /** The encoded reading without its first three fields (collector, epoch, position). */
  readonly payload: Uint8Array;
  /** Unix milliseconds. */
  readonly createdAt: number;
  /** Whether the clock was synchronised; null = not known. */
  readonly clockSynced: boolean | null;
  /**
   * Where in `payload` numbers stand, eight bytes each: what differs from one reading to the next.
   * With them a buffer may keep it in fewer bytes; what it hands out has none.
   */
  readonly numbers?: Uint32Array;
}

/** A reading in the buffer. */
export interface Entry extends NewEntry {
  /** Its row id: 1, 2, 3 … never used twice within an epoch. */
  readonly position: number;
  /** The topic it was meant for when it was stored. */
  readonly topic: string;
}

/** A reading that a destination will never take. */
export interface Rejection {
  /** Which one. */
  readonly position: number;
  /** Why, in a word for programs. */
  readonly reason: string;
}

/** One opening of the buffer file, and the positions that existed while it was the newest. */
export interface Incarnation {
  /** Random. */
  readonly id: string;
  /** The first position that was written under it. */
  readonly first: number;
  /** The last one that can have been delivered under it; undefined while it is the present one. */
  readonly last: number | undefined;
}

/** What the buffer knows about one output. */
export interface LocalPosition {
  /** The collector's name. */
  readonly collector: string;
  /** Positions are unique within it. */
  readonly epoch: number;
  /** Everything up to here is delivered, as far as the buffer knows. */
  readonly position: number;
  /** The highest position ever written. */
  readonly latest: number;
  /** The present incarnation's id. */
  readonly incarnation: string;
  /** All that can have delivered something, oldest first. */
  readonly incarnations: readonly Incarnation[];
  /** What the output noted before its last delivery and has not been cleared by a commit. */
  readonly note: string | null;
}

/** How much to hand out at once. */
export interface ReadLimit {
  /** Rows at most. */
  readonly rows: number;
  /** Payload bytes; one row is handed out however large it is. */
  readonly bytes: number;
}

/** When rows may be dropped. */
export interface Retention {
  /** Bytes of the file in use. */
  readonly maxBytes: number;
  /** Age a row may reach; one that nobody vouches the time of has no age. */
  readonly maxAgeSeconds: number;
  /** About how long one trim may take; what is left over is for the next. Left out: until done. */
  readonly maxMs?: number;
}

/** What a trim did. */
export interface TrimReport {
  /** Rows that every output had. */
  readonly delivered: number;
  /** Rows that some output had not; each such output is told by a gap record. */
  readonly dropped: number;
  /** Bytes given back to the file system. */
  readonly freedBytes: number;
  /** Whether nothing is left over. */
  readonly isComplete: boolean;
}

/** Readings that an output never gets, counted since the file was made. */
export interface DropCount {
  /** Who does not get them. */
  readonly output: string;
  /** The reason of their gap records. */
  readonly reason: string;
  /** How many. */
  readonly count: number;
}

/** Figures of the buffer at one moment. */
export interface BufferStats {
  /** Rows there are. */
  readonly rows: number;
  /** Bytes of the file in use, free pages left out. */
  readonly bytes: number;
  /** What everything that was appended since the file was opened took of it, about. */
  readonly stored: number;
  /** What `bytes` may reach. */
  readonly maxBytes: number;
  /** Unix milliseconds of the oldest row, undefined when empty. */
  readonly oldestAt: number | undefined;
  /** Readings set aside. */
  readonly deadLetters: number;
  /** Rows each output still has to take. */
  readonly backlog: Readonly<Record<string, number>>;
  /** When the oldest row that each output still has to take was written; Unix milliseconds. */
  readonly waitingSince: Readonly<Record<string, number | undefined>>;
  /** What was lost to each output, ever; each is told of by a gap record too. */
  readonly dropped: readonly DropCount[];
}

/** The durable queue: one log, one cursor an output. */
export interface Buffer extends AsyncDisposable {
  /** The collector that it belongs to. */
  readonly collector: string;
  /**
   * Aborts, with the error as its reason, once the disk or the file has failed: what was committed
   * is safe, but nothing more may be written. Close it, and begin anew.
   */
  readonly broken: AbortSignal;
  /**
   * Stores readings in order; resolves when they are on disk. When it rejects they are lost, which is
   * counted and told of by a gap record.
   *
   * @throws {TryLaterError} it is full, and new readings are what gives way
   */
  append(entries: readonly NewEntry[]): Promise<void>;
  /** The next entries an output has to take, all of one topic. */
  read(output: string, limit: ReadLimit): Promise<readonly Entry[]>;
  /** Everything up to `through` is delivered; rejected ones go to the dead letters. Clears the note. */
  commit(output: string, through: number, rejected: readonly Rejection[]): Promise<void>;
  /** What is known about an output's position. */
  local(output: string): Promise<LocalPosition>;
  /** Keeps an output's note about the delivery it is about to make. */
  note(output: string, text: string): Promise<void>;
  /** Starts a new epoch: positions count as new from here. */
  renewEpoch(): Promise<number>;
  /** The text of a schema by its fingerprint. */
  schemaText(fingerprint: string): Promise<string>;
  /** Resolves when something was appended after `position`, or when `signal` aborts. */
  appended(position: number, signal: AbortSignal): Promise<void>;
  /** Drops what is delivered, then what is too old or too much. */
  trim(retention: Retention): Promise<TrimReport>;
  /** Figures of this moment. */
  stats(): Promise<BufferStats>;
}
