import type { ReadLimit } from "../core/mod.ts";
import type { EntryBlock } from "./entry_block.ts";

/** What goes to the thread of a buffer. */
export type Request<Options = unknown> =
  | { readonly kind: "open"; readonly options: Options }
  | {
    readonly kind: "call";
    readonly id: number;
    /** A method of the buffer; undefined = close it. */
    readonly method: string | undefined;
    /** A signal is sent as {@linkcode SIGNAL}; that it aborts comes later. */
    readonly args: readonly unknown[];
  }
  /** What is committed, and what is read, is too much to be copied object by object. */
  | { readonly kind: "append"; readonly id: number; readonly entries: EntryBlock }
  | {
    readonly kind: "read";
    readonly id: number;
    readonly output: string;
    readonly limit: ReadLimit;
  }
  | { readonly kind: "abort"; readonly id: number };

/** What comes from there. */
export type Reply =
  /** It listens. */
  | { readonly kind: "ready" }
  /** What the buffer consists of. */
  | {
    readonly kind: "opened";
    readonly values: ReadonlyMap<string, unknown>;
    readonly signals: readonly string[];
    readonly methods: readonly string[];
  }
  | { readonly kind: "failed"; readonly error: ErrorRecord }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "entries"; readonly id: number; readonly entries: EntryBlock }
  | { readonly kind: "error"; readonly id: number; readonly error: ErrorRecord }
  /** A signal of the buffer's has aborted. */
  | { readonly kind: "aborted"; readonly signal: string; readonly error: ErrorRecord };

/** Stands for a signal among the arguments of a call. */
export const SIGNAL = "\0signal";

/** An error on its way between threads, which carry neither classes nor codes. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: ErrorRecord | undefined;
  /** What else it carries, as SQLite's `errcode`. */
  readonly fields: { readonly [name: string]: unknown };
}
