import { ModbusException, TransportError } from "../core/mod.ts";

/** How often a unit id that does not answer is asked, while its neighbours do. */
const PROBE_EVERY_MS = 60_000;
/** Requests in a row, all their tries included, that a unit id may leave unanswered … */
const PATIENCE = 2;
/** … and one that never answered. */
const PATIENCE_WITH_STRANGERS = 1;

interface Unit {
  hasAnswered: boolean;
  /** Requests in a row that it left unanswered. */
  failures: number;
  error: Error | undefined;
  probeAt: number;
}

/**
 * Keeps a unit id that does not answer from holding up its neighbours behind the same connection:
 * it is asked once a minute until it answers. A unit id without neighbours that answer holds up
 * nobody, and is left to whoever asks.
 */
export class Breaker {
  readonly #endpoint: string;
  readonly #units = new Map<number, Unit>();

  /** @param endpoint for messages */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /**
   * Says whether a unit id may be asked as usual, or once and without further tries.
   *
   * @param now milliseconds on a clock that never steps
   * @throws {TransportError} it is not to be asked yet
   */
  check(unitId: number, now: number): "usual" | "once" {
    const unit = this.#units.get(unitId);
    if (!unit || !isGivenUp(unit) || !this.#hasLiveNeighbour(unitId)) return "usual";
    if (now >= unit.probeAt) {
      unit.probeAt = now + PROBE_EVERY_MS;
      return "once";
    }
    const text = `Cannot read from "${this.#endpoint}" unit ${unitId}: it does not answer while ` +
      "others there do; it is asked once a minute";
    throw new TransportError(text, "timeout", { cause: unit.error });
  }

  /** A unit id answered, if only with an exception of its own. */
  answered(unitId: number): void {
    const known = this.#units.get(unitId);
    if (known && isLive(known)) return;
    // Where nobody answered it was the gateway: those that did before are to be asked anew.
    const all = [...this.#units.values()];
    if (!all.some(isLive)) {
      for (const unit of all) if (unit.hasAnswered) unit.failures = 0;
    }
    const unit = this.#unit(unitId);
    unit.hasAnswered = true;
    unit.failures = 0;
    unit.error = undefined;
  }

  /** Whether a unit id has ever answered. */
  hasAnswered(unitId: number): boolean {
    return this.#units.get(unitId)?.hasAnswered ?? false;
  }

  /** A request failed after all its tries; only silence counts, a gateway's word for it too. */
  failed(unitId: number, error: unknown, now: number): void {
    if (!isSilence(error)) return;
    const unit = this.#unit(unitId);
    unit.failures++;
    unit.error = error;
    unit.probeAt = now + PROBE_EVERY_MS;
  }

  #unit(unitId: number): Unit {
    const unit = this.#units.get(unitId) ??
      { hasAnswered: false, failures: 0, error: undefined, probeAt: 0 };
    this.#units.set(unitId, unit);
    return unit;
  }

  #hasLiveNeighbour(unitId: number): boolean {
    return [...this.#units].some(([id, unit]) => id !== unitId && isLive(unit));
  }
}

function isLive({ hasAnswered, failures }: Unit): boolean {
  return hasAnswered && failures === 0;
}

function isGivenUp({ hasAnswered, failures }: Unit): boolean {
  return failures >= (hasAnswered ? PATIENCE : PATIENCE_WITH_STRANGERS);
}

/** Whether a unit was not heard: no answer in time, or a gateway that says so. */
export function isSilence(error: unknown): error is Error {
  if (error instanceof ModbusException) return error.isOfGateway;
  return error instanceof TransportError && error.fault === "timeout";
}
