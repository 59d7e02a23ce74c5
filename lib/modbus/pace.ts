/** What a device needs a pause for. */
export type PauseKind = "connect" | "read";

/** Pauses that a device needs. */
export interface Pauses {
  /** After connecting, before the first request. */
  readonly connectMs: number;
  /** Between an answer and the next request. */
  readonly readMs: number;
}

/** Pauses to try after connecting, for a device that leaves first requests unanswered. */
const CONNECT_TRIALS_MS: readonly number[] = [500, 1000, 2000];
/** First requests left unanswered before the trials begin … */
const TRIALS_AFTER = 2;
/** … and of how many they are the beginning, again and again. */
const TRIALS_EVERY = 10;

const READ_STEPS_MS: readonly number[] = [50, 100, 200, 400, 700, 1000];
/** So often a request must stay unanswered and be answered on a new connection … */
const LOST_ENOUGH = 3;
/** … with fewer answers than these between, to be for want of a pause. */
const ANSWERS_THAT_CLEAR = 50;
/** A request that comes later than so long after the pause does not come back to back. */
const BACK_TO_BACK_MS = 50;

/**
 * Learns what pauses a device needs: some are not ready when they accept a connection, some lose a
 * request that comes right after an answer.
 */
export class Pace {
  readonly #onLearned: (kind: PauseKind, ms: number) => void;
  #connectMs: number;
  #readMs: number;
  /** It has answered a first request at once: no pause is needed there. */
  #isPrompt = false;
  #silentFirsts = 0;
  /** The unit id that left a request unanswered, until one is answered. */
  #lost: number | undefined;
  #losses = 0;
  #answers = 0;

  /** Begins with the pauses of the configuration. */
  constructor({ connectMs, readMs }: Pauses, onLearned: (kind: PauseKind, ms: number) => void) {
    this.#connectMs = connectMs;
    this.#readMs = readMs;
    this.#onLearned = onLearned;
  }

  /** How long to wait between connecting and the first request. */
  get connectMs(): number {
    return Math.max(this.#connectMs, this.#trialMs);
  }

  /** How long to wait between an answer and the next request. */
  get readMs(): number {
    return this.#readMs;
  }

  /** What is known so far. */
  get pauses(): Pauses {
    return { connectMs: this.#connectMs, readMs: this.#readMs };
  }

  get #trialMs(): number {
    if (this.#isPrompt || this.#silentFirsts < TRIALS_AFTER) return 0;
    return CONNECT_TRIALS_MS[(this.#silentFirsts - TRIALS_AFTER) % TRIALS_EVERY] ?? 0;
  }

  /** The first request on a connection was answered, or not. */
  first(unitId: number, isAnswered: boolean): void {
    if (!isAnswered) {
      this.#silentFirsts++;
      this.#lost = undefined;
      return;
    }
    const waitedMs = this.connectMs;
    if (waitedMs > this.#connectMs) {
      this.#connectMs = waitedMs;
      this.#onLearned("connect", waitedMs);
    }
    this.#isPrompt = true;
    this.#silentFirsts = 0;
    if (this.#lost === unitId) this.#countLoss();
    this.#lost = undefined;
  }

  /**
   * A later request on a connection was answered, or not.
   *
   * @param sinceMs from the answer before it
   */
  next(unitId: number, isAnswered: boolean, sinceMs: number): void {
    if (sinceMs > this.#readMs + BACK_TO_BACK_MS) return;
    if (!isAnswered) {
      this.#lost = unitId;
      return;
    }
    this.#lost = undefined;
    this.#answers++;
    if (this.#answers >= ANSWERS_THAT_CLEAR) [this.#answers, this.#losses] = [0, 0];
  }

  #countLoss(): void {
    this.#losses++;
    this.#answers = 0;
    const step = READ_STEPS_MS.find((ms) => ms > this.#readMs);
    if (this.#losses < LOST_ENOUGH || step === undefined) return;
    this.#losses = 0;
    this.#readMs = step;
    this.#onLearned("read", step);
  }
}
