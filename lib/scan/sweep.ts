import {
  type Device,
  type Endpoint,
  ModbusException,
  type Transport,
  TransportError,
} from "../core/mod.ts";
import { isAnyUnit } from "./alias.ts";
import type { Session, Sessions } from "../modbus/mod.ts";

/** What one unit id behind one endpoint is. */
export interface Found {
  /** Where it is. */
  readonly endpoint: Endpoint;
  /** Which unit id answered. */
  readonly unitId: number;
  /** undefined = it answers Modbus, but no driver knows it. */
  readonly device: Device | undefined;
  /** Whether it had no time to say what it is. */
  readonly isBusy: boolean;
  /** From the first request to its answer. */
  readonly responseMs: number;
}

/** What became of the endpoints that were tried. */
export interface SweepCounts {
  /** Endpoints tried so far. */
  done: number;
  /** Endpoints on which something answered Modbus. */
  answering: number;
  /** No answer within the time. */
  silent: number;
  /** Connection refused. */
  refused: number;
  /** Connected, but it does not speak Modbus. */
  foreign: number;
  /** No way there. */
  unreachable: number;
}

/** How to sweep. */
export interface SweepOptions {
  /** Taken one by one, as there is time for them. */
  readonly endpoints: Iterable<Endpoint>;
  /** Unit ids to ask at each endpoint. */
  readonly unitIds: readonly number[];
  /** Stop at the first unit id that a driver knows. */
  readonly firstOnly: boolean;
  /** How long to ask one endpoint for its unit ids; undefined = as long as it takes. */
  readonly withinMs?: number;
  /** Endpoints asked at the same time. */
  readonly concurrency: number;
  /**
   * Endpoints tried at the same time: most of them stay silent, which costs a wait and nothing else.
   * Those that can be connected to take turns in being asked, until they leave a request unanswered.
   * As many as `concurrency` when left out.
   */
  readonly trying?: number;
  /** How long to wait for a connection. */
  readonly connectTimeoutMs: number;
  /** Makes the connections. */
  readonly sessions: Sessions;
  /** Whether to hold those on which a device is known; all others are closed again. */
  readonly holds: boolean;
  /** Finds out what device a transport leads to; undefined = none that a driver knows. */
  open(transport: Transport, signal: AbortSignal): Promise<Device | undefined>;
  /** Told of each endpoint that is done. */
  onProgress(counts: SweepCounts): void;
  /** Told of each unit id that is to be asked. */
  onUnit?(endpoint: Endpoint, unitId: number): void;
  /** Told of unit ids that there was no time for, or that were left when the signal aborted. */
  onLeft?(endpoint: Endpoint, unitIds: readonly number[]): void;
  /** Told of each answer, as it comes. */
  onFound(found: Found): void;
}

/**
 * Asks many endpoints who they are. The connection that finds an endpoint is the one that asks
 * it: many devices accept only one, and refuse a second right after a probe. Nothing is asked any more
 * once it has returned or thrown.
 *
 * @throws the reason of `signal` when it aborts meanwhile
 */
export async function sweep(options: SweepOptions, signal: AbortSignal): Promise<SweepCounts> {
  const counts = { done: 0, answering: 0, silent: 0, refused: 0, foreign: 0, unreachable: 0 };
  const queue = options.endpoints[Symbol.iterator]();
  const turns = new Turns(options.concurrency);
  const failures: unknown[] = [];
  const work = async () => {
    for (let next = queue.next(); !next.done && !signal.aborted; next = queue.next()) {
      if (failures.length > 0) return;
      counts[await sweepEndpoint(next.value, turns, options, signal)]++;
      counts.done++;
      options.onProgress(counts);
    }
  };
  const tried = Math.max(options.concurrency, options.trying ?? 0);
  const workers = Array.from(
    { length: tried },
    () => work().catch((error) => failures.push(error)),
  );
  await Promise.all(workers);
  if (failures.length > 0) throw failures[0];
  return counts;
}

/** Lets so many work at the same time; the others wait in the order in which they came. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(free: number) {
    this.#free = free;
  }

  async take(): Promise<Disposable> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (!isOver) this.#pass();
        isOver = true;
      },
    };
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

type Outcome = Exclude<keyof SweepCounts, "done">;

async function sweepEndpoint(
  endpoint: Endpoint,
  turns: Turns,
  options: SweepOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const session = options.sessions.get(endpoint, { connectTimeoutMs: options.connectTimeoutMs });
  try {
    await session.connect(signal);
  } catch (error) {
    options.sessions.drop(endpoint);
    return connectOutcome(error);
  }
  const known: Found[] = [];
  try {
    return await askUnits({ endpoint, session, known }, turns, options, signal);
  } finally {
    // A connection that nobody uses may be the only one that the device has to give.
    if (known.length === 0 || !options.holds) options.sessions.drop(endpoint);
  }
}

/** Asks one unit id after the other; those that a driver knows are added to `known`. */
async function askUnits(
  { endpoint, session, known }: {
    readonly endpoint: Endpoint;
    readonly session: Session;
    readonly known: Found[];
  },
  turns: Turns,
  options: SweepOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  using turn = await turns.take();
  const onSilence = () => turn[Symbol.dispose]();
  let outcome: Outcome = "silent";
  const leave = (from: number) => options.onLeft?.(endpoint, options.unitIds.slice(from));
  const until = performance.now() + (options.withinMs ?? Number.POSITIVE_INFINITY);
  for (const [i, unitId] of options.unitIds.entries()) {
    if (i > 0 && performance.now() >= until) {
      leave(i);
      break;
    }
    options.onUnit?.(endpoint, unitId);
    const asked = askUnit({ endpoint, session, onSilence }, unitId, options, signal);
    const result = await asked.catch((error) => {
      if (signal.aborted) leave(i);
      throw error;
    });
    if (signal.aborted) {
      leave(i);
      break;
    }
    if (typeof result === "object") {
      outcome = "answering";
      if (await isAlias(result, known[0], session, options, signal)) break;
      options.onFound(result);
      if (result.device) known.push(result);
    } else if (outcome !== "answering") outcome = result;
    if (known.length > 0 && options.firstOnly) break;
    // Whatever listens there does not speak Modbus: other unit ids will not either.
    if (result === "foreign" || result === "unreachable" || result === "refused") break;
  }
  return outcome;
}

/** Whether a device answers at any unit id, and was found at another one before. */
async function isAlias(
  { device }: Found,
  first: Found | undefined,
  session: Session,
  { unitIds, open }: SweepOptions,
  signal: AbortSignal,
): Promise<boolean> {
  if (!device || !first?.device) return false;
  return await isAnyUnit(
    first.device.identity,
    device.identity,
    unitIds,
    (unitId) => open(session.unit(unitId, { retryCount: 0 }), signal),
  );
}

/** What answers at a unit id, or why nothing does. */
async function askUnit(
  { endpoint, session, onSilence }: {
    readonly endpoint: Endpoint;
    readonly session: Session;
    onSilence(): void;
  },
  unitId: number,
  options: SweepOptions,
  signal: AbortSignal,
): Promise<Found | Outcome> {
  const startedAt = performance.now();
  let responseMs: number | undefined;
  const observe = (result: string) => {
    if (result === "ok" || result.startsWith("exception_")) {
      responseMs ??= Math.round(performance.now() - startedAt);
    } else if (result === "timeout") onSilence();
  };
  try {
    const device = await options.open(session.unit(unitId, { observe, retryCount: 0 }), signal);
    return { endpoint, unitId, device, isBusy: false, responseMs: responseMs ?? 0 };
  } catch (error) {
    if (error instanceof ModbusException && error.isBusy) {
      return { endpoint, unitId, device: undefined, isBusy: true, responseMs: responseMs ?? 0 };
    }
    // A gateway that speaks for a unit which is not there.
    if (error instanceof ModbusException) return "answering";
    if (!(error instanceof TransportError)) throw error;
    if (responseMs !== undefined) return "answering";
    return error.fault === "timeout" ? "silent" : foreignOutcome(error);
  }
}

function foreignOutcome({ fault }: TransportError): Outcome {
  return fault === "refused" || fault === "unreachable" ? fault : "foreign";
}

function connectOutcome(error: unknown): Outcome {
  if (!(error instanceof TransportError)) throw error;
  if (error.fault === "timeout") return "silent";
  return error.fault === "refused" ? "refused" : "unreachable";
}
