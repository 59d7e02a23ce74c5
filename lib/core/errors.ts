/** Why a wire broke; also the `result` label of `sunspool_modbus_requests_total`. */
export type TransportFault =
  | "timeout"
  | "refused"
  | "closed"
  | "unreachable"
  | "malformed"
  /** Authentication or permission: who it is, who we are, or what we may. */
  | "denied";

/** The wire broke or stayed silent. Reopen it and back off. */
export class TransportError extends Error {
  static {
    this.prototype.name = "TransportError";
  }
  /** What happened on the wire. */
  readonly fault: TransportFault;

  /** `message` says: action, "value", colon, state. */
  constructor(message: string, fault: TransportFault, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** There is no connection: nothing else that is asked now will be answered either. */
export class NotConnectedError extends TransportError {
  static {
    this.prototype.name = "NotConnectedError";
  }
}

/** The peer answered, but not what its protocol allows. Reopen and back off. */
export class ProtocolError extends TransportError {
  static {
    this.prototype.name = "ProtocolError";
  }

  /** A protocol error is always the fault `malformed`. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, "malformed", options);
  }
}

/** Names of the exception codes: Modbus Application Protocol V1.1b3, section 7. */
const EXCEPTION_NAMES: Readonly<Record<number, string>> = {
  1: "illegal function",
  2: "illegal data address",
  3: "illegal data value",
  4: "server device failure",
  5: "acknowledge",
  6: "server device busy",
  8: "memory parity error",
  10: "gateway path unavailable",
  11: "gateway target device failed to respond",
};

/** The device understood the request and said no: skip, shrink or wait. */
export class ModbusException extends Error {
  static {
    this.prototype.name = "ModbusException";
  }
  /** The exception code, 1–255. */
  readonly code: number;

  /** `request` says what was asked, for the message. */
  constructor(code: number, request: string) {
    const meaning = EXCEPTION_NAMES[code] ?? "unknown";
    super(`The device refused ${request}: exception ${code} (${meaning})`);
    this.code = code;
  }

  /** Whether it asks to come again, and says nothing of what it was asked for. */
  get isBusy(): boolean {
    return this.code === 5 || this.code === 6;
  }

  /** Whether a gateway says it, for a unit that it did not reach. */
  get isOfGateway(): boolean {
    return this.code === 10 || this.code === 11;
  }
}

/** What was asked for is not there. Exit code 1. */
export class NotFoundError extends Error {
  static {
    this.prototype.name = "NotFoundError";
  }
}

/** The far side or the system denies it: authentication or permission. Exit code 4. */
export class RefusedError extends Error {
  static {
    this.prototype.name = "RefusedError";
  }
}

/** It cannot be done now, later it may: locked, full, broker down. Exit code 75. */
export class TryLaterError extends Error {
  static {
    this.prototype.name = "TryLaterError";
  }
}

/** Another live collector of the same id took over the destination. Back off for minutes. */
export class FencedError extends TryLaterError {
  static {
    this.prototype.name = "FencedError";
  }
}

/** The words of the command line are wrong. Exit code 2. */
export class UsageError extends Error {
  static {
    this.prototype.name = "UsageError";
  }
}

/** The configuration cannot be used; one line a fault. Exit code 78. */
export class ConfigError extends Error {
  static {
    this.prototype.name = "ConfigError";
  }
}

/** Why a delivery fails; also the `reason` label of `sunspool_output_errors_total`. */
export const FAILURE_REASONS = ["fenced", "denied", "unreachable", "failed"] as const;

/** One of {@linkcode FAILURE_REASONS}. */
export type FailureReason = typeof FAILURE_REASONS[number];

/** The reason that an error of an output stands for. */
export function failureReason(error: unknown): FailureReason {
  if (error instanceof FencedError) return "fenced";
  if (error instanceof RefusedError) return "denied";
  return error instanceof TransportError ? "unreachable" : "failed";
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return withoutDenoAdvice(error.message);
  return error instanceof Error ? error.message : String(error);
}

/** Deno advises flags that only the program itself could be given: it gave these permissions up. */
function withoutDenoAdvice(message: string): string {
  const [, what = "", place = ""] = /^Requires (\w+) access to ("[^"]*")?/.exec(message) ?? [];
  if (what === "") return message;
  return `this command gave up ${
    what === "all" ? "the right to touch" : `${what} access to`
  } ${place}`
    .trimEnd();
}
