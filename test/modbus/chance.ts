/** Chance that can be repeated: run again with SEED=… in the environment. */
export class Chance {
  readonly seed: number;
  #state: number;

  /** Without a seed, one from the environment, or any. */
  constructor(seed: number = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 32))) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** 0 ≤ result < 1 (mulberry32). */
  next(): number {
    this.#state = this.#state + 0x6d2b_79f5 >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ mixed >>> 15, mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 0x1_0000_0000;
  }

  /** 0 ≤ result < limit. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** One of some. */
  of<T>(...choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  /** Random bytes. */
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** An error that says how to have the same again. */
  failure(round: number, cause: unknown): Error {
    return new Error(`Failed in round ${round} of SEED=${this.seed}`, { cause });
  }
}
