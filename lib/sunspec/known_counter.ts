import { type CounterSample, type CounterState, isRise } from "./counter.ts";
import type { Value } from "./decode.ts";
import type { WireValue } from "./point_types.ts";

/** A counter as it was read. */
export interface CounterReading {
  /** On the wire. */
  readonly wire: WireValue;
  /** The power of ten. */
  readonly factor: number;
  /** What both make. */
  readonly value: Value;
}

/**
 * What is known of a counter, and the reading of it that was believed last. It is changed in place:
 * an object for each counter that lives from one poll to the next is the garbage that costs most.
 */
export class KnownCounter {
  #wire: WireValue;
  #factor: number;
  #shown: Value["shown"];
  readonly #good: { -readonly [Name in keyof CounterSample]: CounterSample[Name] };
  #hasMoved: boolean;
  #beforeZero: CounterState["beforeZero"];
  #doubted: CounterState["doubted"];

  /** Begins with its first reading. */
  constructor(state: CounterState, { wire, factor, value }: CounterReading) {
    this.#wire = wire;
    this.#factor = factor;
    this.#shown = value.shown;
    this.#good = { ...state.good };
    this.#hasMoved = state.hasMoved;
    this.#beforeZero = state.beforeZero;
    this.#doubted = state.doubted;
  }

  /** The value that was believed last. */
  get value(): Value {
    const shown = this.#shown;
    return { shown, number: shown === null ? null : Number(shown) };
  }

  /** For its judge; what is changed here later does not change it. */
  get state(): CounterState {
    return {
      good: { ...this.#good },
      hasMoved: this.#hasMoved,
      beforeZero: this.#beforeZero,
      doubted: this.#doubted,
    };
  }

  /** Whether it stands where it stood, and nothing is doubted. */
  stands(wire: WireValue, factor: number): boolean {
    return !this.#doubted && this.#wire === wire && this.#factor === factor;
  }

  /**
   * Takes a reading that its judge would believe without more ado: it rose by no more than it can,
   * and nothing is in doubt.
   *
   * @returns whether it is one
   */
  goesOn(
    sample: CounterSample,
    reading: CounterReading,
    mostPerHour: number | undefined,
  ): boolean {
    if (this.#doubted || this.#beforeZero) return false;
    if (!isRise(this.#good, sample, this.#hasMoved ? mostPerHour : undefined)) return false;
    const state = { good: sample, hasMoved: true, beforeZero: undefined, doubted: undefined };
    this.take(state, reading);
    return true;
  }

  /** Takes a verdict, and the reading, if that is what is believed now. */
  take({ good, hasMoved, beforeZero, doubted }: CounterState, believed?: CounterReading): void {
    this.#good.value = good.value;
    this.#good.step = good.step;
    this.#good.top = good.top;
    this.#good.at = good.at;
    this.#hasMoved = hasMoved;
    this.#beforeZero = beforeZero;
    this.#doubted = doubted;
    if (!believed) return;
    this.#wire = believed.wire;
    this.#factor = believed.factor;
    this.#shown = believed.value.shown;
  }
}
