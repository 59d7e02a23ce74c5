import type { Leaf, WireValue } from "../../sunspec/mod.ts";

/** A read that a client asks for. */
export interface AskedRead {
  /** Whom it is for. */
  readonly unitId: number;
  /** 3 or 4. */
  readonly functionCode: number;
  /** Protocol address. */
  readonly address: number;
  /** 1–125. */
  readonly quantity: number;
}

/** What a device answers: registers as bytes, an exception code, or undefined = nothing. */
export type Answer = Uint8Array | number | undefined;

/** What is sent for one answer, in order. */
export type Step =
  | { readonly send: Uint8Array }
  | { readonly waitMs: number }
  | { readonly end: "fin" | "rst" };

/** An answer on its way: the frames before it, and itself. */
export interface Outgoing {
  /** Who answers. */
  readonly unitId: number;
  /** Function code and data. */
  readonly pdu: Uint8Array;
  /** Of the request. */
  readonly transactionId: number;
  /** The PDU that this client was sent before. */
  readonly previous: Uint8Array | undefined;
  /** Writes a frame as the transport does. */
  encode(frame: { transactionId: number; unitId: number; pdu: Uint8Array }): Uint8Array;
}

/** One client's connection, on the clock of `performance.now()`. */
export interface Client {
  /** When it connected. */
  readonly openedAt: number;
  /** When its last answer was sent; its opening before the first. */
  readonly answeredAt: number;
  /** The state of the device when it connected. */
  readonly openedIn: number;
}

/** What one fault changes; it may work at several places. */
export interface Fault {
  /** Changes the value of a point in state n. */
  value?(leaf: Leaf, value: WireValue, n: number): WireValue;
  /** Changes the whole map in state n, from "SunS" to the end model. */
  map?(map: Uint8Array, n: number): Uint8Array;
  /** Answers before the device does; `ask` asks the device. */
  answer?(read: AskedRead, ask: () => Answer, n: number): Answer;
  /** How many clients are let in, and what becomes of others. */
  readonly slots?: { readonly count: number; readonly others: "refuse" | "ignore" };
  /** Closes a connection that is idle for so long. */
  readonly idleMs?: number;
  /** Whether a request of this client is heard at all. */
  hears?(client: Client, now: number, n: number): boolean;
  /** What is sent instead of the plain frame; undefined = the plain frame. */
  deliver?(outgoing: Outgoing): readonly Step[] | undefined;
}

/** A kind of fault, as it is named on the command line. */
export interface FaultType {
  /** The word before `=`. */
  readonly name: string;
  /** What may stand behind `=`, with its default; empty = nothing. */
  readonly takes: string;
  /** One line. */
  readonly summary: string;
  /**
   * Makes the fault; undefined when the value is not what it takes.
   *
   * @param value what stood behind `=`; empty = the default
   */
  make(value: string): Fault | undefined;
}

/** A whole number within bounds, or the default when the text is empty. */
export function numberIn(
  text: string,
  { fallback, min, max }: { readonly fallback: number; readonly min: number; readonly max: number },
): number | undefined {
  if (text === "") return fallback;
  const value = Number(text);
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined;
}
