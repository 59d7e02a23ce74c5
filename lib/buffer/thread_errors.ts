import {
  ConfigError,
  NotFoundError,
  RefusedError,
  TryLaterError,
  UsageError,
} from "../core/mod.ts";
import type { ErrorRecord } from "./thread_messages.ts";

/** The classes that are kept: what a buffer throws, and what a bug would. */
const CLASSES: readonly ErrorConstructorOf[] = [
  ...[ConfigError, NotFoundError, RefusedError, TryLaterError, UsageError],
  ...[RangeError, ReferenceError, SyntaxError, TypeError],
];

type ErrorConstructorOf = new (message: string, options?: ErrorOptions) => Error;

/** Fields of an error that are its own already. */
const OWN: ReadonlySet<string> = new Set(["name", "message", "stack", "cause"]);

/** Makes a record of anything that was thrown. */
export function recordError(error: unknown): ErrorRecord {
  if (!(error instanceof Error)) {
    return {
      name: "Error",
      message: String(error),
      stack: undefined,
      cause: undefined,
      fields: {},
    };
  }
  const { name, message, stack, cause } = error;
  const fields = Object.entries(error).filter(([key, value]) =>
    !OWN.has(key) && (typeof value === "number" || typeof value === "string")
  );
  return {
    name,
    message,
    stack,
    cause: cause === undefined ? undefined : recordError(cause),
    fields: Object.fromEntries(fields),
  };
}

/** The error again, of its class as far as that is known, with its codes. */
export function reviveError({ name, message, stack, cause, fields }: ErrorRecord): Error {
  const Class = CLASSES.find((known) => known.prototype.name === name) ?? Error;
  const error = new Class(message, cause && { cause: reviveError(cause) });
  if (error.name !== name) error.name = name;
  return Object.assign(error, { stack }, fields);
}
