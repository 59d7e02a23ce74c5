import type { Entry, LocalPosition, Rejection } from "./buffer.ts";

/** Entries to deliver together, in order, all of one topic. */
export interface Batch {
  readonly collector: string;
  readonly epoch: number;
  readonly topic: string;
  readonly entries: readonly Entry[];
  /** Schema text by fingerprint, for every schema that `entries` name. */
  readonly schemas: ReadonlyMap<string, string>;
}

/** What the destination provably has. */
export interface Recovery {
  /** Everything up to here is delivered. */
  readonly position: number;
  /** Why positions must count as new from here (file replaced, restored, cloned); else undefined. */
  readonly newEpoch: string | undefined;
  /** What a reader of the topic should be told, delivered as an event; else undefined. */
  readonly event: string | undefined;
}

/**
 * A destination. Calls come one at a time. After anything it throws, `recover` is called before
 * the next `deliver`.
 */
export interface Output extends AsyncDisposable {
  readonly name: string;
  /**
   * Connects anew, settles what was pending and finds out what the destination has.
   *
   * @throws {RefusedError} authentication or permission
   * @throws {FencedError} a second live collector of the same id
   */
  recover(local: LocalPosition, signal: AbortSignal): Promise<Recovery>;
  /**
   * Makes a batch durable at the destination. Resolving says it is there; throwing says nothing:
   * keep all, recover, try again. What will never be taken comes back as rejections.
   */
  deliver(batch: Batch, signal: AbortSignal): Promise<readonly Rejection[]>;
  /** Everything up to `position` is committed in the buffer. Called after each commit and when idle. */
  settle(position: number): Promise<void>;
}

/** What an output is given when it is made. */
export interface OutputContext {
  readonly collector: string;
  /** Keeps a note in the buffer until the next commit; comes back in `LocalPosition.note`. */
  note(text: string): Promise<void>;
}
