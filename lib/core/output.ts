import type { Entry, LocalPosition, Rejection } from "./buffer.ts";
import type { Finding } from "./finding.ts";
import type { Lookup, Setting } from "./setting.ts";

/** Entries to deliver together, in order, all of one topic. */
export interface Batch {
  /** Who collected them. */
  readonly collector: string;
  /** What their positions are unique within. */
  readonly epoch: number;
  /** Where they are meant to go. */
  readonly topic: string;
  /** At least one. */
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
  /** What the last delivery left out, when the buffer was not told of it. */
  readonly rejected?: readonly Rejection[];
}

/**
 * A destination. Calls come one at a time. After anything it throws, `recover` is called before
 * the next `deliver`.
 */
export interface Output extends AsyncDisposable {
  /** The name in the configuration. */
  readonly name: string;
  /** Payload bytes that a batch may hold; left out: as many as are convenient. */
  readonly batchBytes?: number | undefined;
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
  /** Who delivers. */
  readonly collector: string;
  /** Readings in one container file. */
  readonly batchSize: number;
  /** Keeps a note in the buffer until the next commit; comes back in `LocalPosition.note`. */
  note(text: string): Promise<void>;
  /** Where its log lines go. */
  readonly log: OutputLog;
}

/** What the log says about an output's work. */
export type OutputLog = (
  level: "debug" | "info" | "warn" | "error",
  message: string,
  fields?: { readonly [key: string]: unknown },
) => void;

/** Something to be said of one key. */
export interface SettingNote {
  /** `section.key` */
  readonly key: string;
  /** What is to be said. */
  readonly text: string;
}

/** A kind of destination. */
export interface OutputType {
  /** The name in `collect.outputs`, and the section of its settings. */
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  /** Its own keys, all of them within its section. */
  readonly settings: readonly Setting<unknown>[];
  /** Whether it is the one to use when `collect.outputs` names none. */
  isDefault(get: Lookup): boolean;
  /** What in its settings contradicts itself. */
  check(get: Lookup): readonly SettingNote[];
  /** What may be so, but whoever wrote it should know. */
  warnings(get: Lookup): readonly SettingNote[];
  /** Looks, without delivering anything, whether it could deliver: each step as far as it gets. */
  examine(get: Lookup, signal: AbortSignal): AsyncIterable<Finding>;
  /**
   * Makes the output; nothing is opened before `recover`.
   *
   * @throws {ConfigError} a file it needs cannot be used
   */
  create(get: Lookup, context: OutputContext): Output;
}
